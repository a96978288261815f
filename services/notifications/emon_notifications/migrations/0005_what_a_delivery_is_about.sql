-- Staff see the title of the meeting that a delivery is about.
GRANT SELECT (meeting_id, ags, title) ON meetings TO :api_role;
CREATE POLICY in_reach ON meetings FOR SELECT TO :api_role USING (
    (SELECT current_setting('emon.everywhere', true) = 'on')
    OR ags = ANY ((SELECT string_to_array(current_setting('emon.municipalities', true), ','))::text[])
);
