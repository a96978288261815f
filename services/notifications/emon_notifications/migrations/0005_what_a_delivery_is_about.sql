-- Staff see the title of the meeting that a delivery is about; and until it starts, they can have it sent once more.
GRANT SELECT (meeting_id, ags, title, starts_at) ON meetings TO :api_role;
CREATE POLICY in_reach ON meetings FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);

-- A refused address is in reach with whose it is.
GRANT SELECT (email_key) ON suppressed_addresses TO :api_role;
CREATE POLICY in_reach ON suppressed_addresses FOR SELECT TO :api_role USING (
    EXISTS (SELECT FROM directory_people AS person WHERE person.email_key = suppressed_addresses.email_key)
);
