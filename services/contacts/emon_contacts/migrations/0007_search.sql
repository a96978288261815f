-- Search that forgives spelling: by the trigrams of names in which case, marks, and umlauts spelt out do not count.
CREATE EXTENSION pg_trgm;
CREATE EXTENSION unaccent;

-- One spelling for what means the same: Müller, Mueller, Muller; Groß, Gross; Łukasz, Lukasz. What is typed goes through it as well.
-- It is marked immutable, as unaccent with its dictionary named is, as long as nobody edits that dictionary.
CREATE FUNCTION spelling(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT regexp_replace(lower(unaccent('unaccent'::regdictionary, normalize(name, NFKC))), '([aou])e', '\1', 'g');
END;

ALTER TABLE people ADD COLUMN spelling text NOT NULL GENERATED ALWAYS AS (spelling(display_name)) STORED;
ALTER TABLE organisations ADD COLUMN spelling text NOT NULL GENERATED ALWAYS AS (spelling(name)) STORED;
CREATE INDEX people_by_trigrams ON people USING gin (spelling gin_trgm_ops);
CREATE INDEX people_by_trigrams_of_address ON people USING gin (email_key gin_trgm_ops);
CREATE INDEX organisations_by_trigrams ON organisations USING gin (spelling gin_trgm_ops);

-- What somebody typed, word by word: as it would be spelt, how alike a name must be (a slip in three letters would find
-- everything), and the address that contains it, before its @ unless one was typed.
CREATE FUNCTION wanted_words(words text[])
RETURNS TABLE (spelling text, likeness_min real, address text)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT spelt.word,
           CASE WHEN length(spelt.word) < 4 THEN 0.5 ELSE 0.3 END,
           CASE
               WHEN length(typed.word) < 3 THEN NULL
               ELSE '%' || regexp_replace(lower(typed.word), '([\\%_])', '\\\1', 'g')
                    || CASE WHEN typed.word LIKE '%@%' THEN '%' ELSE '%@%' END
           END
    FROM unnest(words) AS typed (word)
    CROSS JOIN LATERAL spelling(typed.word) AS spelt (word);
END;

-- Those whose names, or addresses, have every word. They look over the wall of row-level security, behind which PostgreSQL would
-- read everybody before it asked an index about what somebody typed. They answer ids alone: whoever reads a row by them is behind
-- the wall again. An address that contains a word counts less than a name that begins with it, and more than a name that is alike.
CREATE FUNCTION people_alike(words text[]) RETURNS TABLE (id uuid, likeness double precision)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 20 SET pg_trgm.word_similarity_threshold = 0.3
BEGIN ATOMIC
    WITH wanted AS MATERIALIZED (
        SELECT * FROM wanted_words(words)
    ), longest AS MATERIALIZED ( -- is looked up in the index
        SELECT * FROM wanted ORDER BY length(wanted.spelling) DESC LIMIT 1
    )
    SELECT person.id, alike.likeness
    FROM people AS person
    CROSS JOIN LATERAL (
        SELECT avg(word.likeness) AS likeness, bool_and(word.likeness >= wanted.likeness_min) AS has_all
        FROM wanted
        CROSS JOIN LATERAL (
            SELECT greatest(
                word_similarity(wanted.spelling, person.spelling),
                CASE WHEN person.email_key LIKE wanted.address THEN 0.7 END
            ) AS likeness
        ) AS word
    ) AS alike
    WHERE (
            person.spelling %> (SELECT longest.spelling FROM longest)
            OR person.email_key LIKE (SELECT longest.address FROM longest)
        )
      AND alike.has_all;
END;

CREATE FUNCTION organisations_alike(words text[]) RETURNS TABLE (id uuid, likeness double precision)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 20 SET pg_trgm.word_similarity_threshold = 0.3
BEGIN ATOMIC
    WITH wanted AS MATERIALIZED (
        SELECT * FROM wanted_words(words)
    ), longest AS MATERIALIZED ( -- is looked up in the index
        SELECT * FROM wanted ORDER BY length(wanted.spelling) DESC LIMIT 1
    )
    SELECT organisation.id, alike.likeness
    FROM organisations AS organisation
    CROSS JOIN LATERAL (
        SELECT avg(word.likeness) AS likeness, bool_and(word.likeness >= wanted.likeness_min) AS has_all
        FROM wanted
        CROSS JOIN LATERAL word_similarity(wanted.spelling, organisation.spelling) AS word (likeness)
    ) AS alike
    WHERE organisation.spelling %> (SELECT longest.spelling FROM longest)
      AND alike.has_all;
END;

REVOKE ALL ON FUNCTION people_alike, organisations_alike FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people_alike, organisations_alike TO :api_role;
