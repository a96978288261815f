-- The version at which this copy saw the address of a person change last: what was refused before says nothing about the new one.
ALTER TABLE directory_people ADD COLUMN address_version bigint;
