-- Replies to invitations. A reply belongs to the revision of the meeting that it was given for.
ALTER TABLE invitations
    ADD COLUMN replied_revision integer, -- of the meeting, as whoever replied knew it
    ADD COLUMN replied_at       timestamptz,
    ADD COLUMN replied_by       uuid, -- who was invited, or who noted it for them
    ADD CHECK (num_nonnulls(reply, replied_revision, replied_at, replied_by) IN (0, 4));

-- Whose invitation it is stays as it was when it was issued.
REVOKE UPDATE ON invitations FROM :api_role;
GRANT UPDATE (reply, replied_revision, replied_at, replied_by, version) ON invitations TO :api_role;

-- Who sees an invitation may reply to it, in their own name and now, and may not unsay that there was a reply. Its municipality
-- alone issues invitations.
DROP POLICY in_reach ON invitations;
CREATE POLICY in_reach ON invitations FOR SELECT TO :api_role
    USING (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
        OR id = (SELECT nullif(current_setting('emon.link_subject', true), '')::uuid)
    );
CREATE POLICY issuing ON invitations FOR INSERT TO :api_role
    WITH CHECK (
        (
            (SELECT current_setting('emon.everywhere', true) = 'on')
            OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        )
        AND reply IS NULL
    );
CREATE POLICY replying ON invitations FOR UPDATE TO :api_role
    USING (
        (SELECT current_setting('emon.everywhere', true) = 'on')
        OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
        OR person_id = (SELECT nullif(current_setting('emon.person', true), '')::uuid)
        OR id = (SELECT nullif(current_setting('emon.link_subject', true), '')::uuid)
    )
    WITH CHECK (
        replied_by = (SELECT nullif(current_setting('emon.caller', true), '')::uuid)
        AND replied_at = now()
    );
