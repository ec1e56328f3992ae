"""The forms of ``state.sqlite``, oldest first; ``user_version`` counts how many were applied."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE record (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID",
        # Blobs stand last: reading the columns before them does not touch their pages.
        """CREATE TABLE sample (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            time REAL NOT NULL,
            class_name TEXT NOT NULL,
            burst TEXT NOT NULL,
            share TEXT NOT NULL,
            origin TEXT NOT NULL,
            bundle TEXT NOT NULL,
            grid_bytes INTEGER NOT NULL,
            image_bytes INTEGER,
            grid BLOB,
            image BLOB
        ) STRICT""",
        "CREATE INDEX sample_by_class ON sample (class_name, sequence)",
        "CREATE INDEX sample_with_image ON sample (sequence) WHERE image_bytes IS NOT NULL",
        """CREATE TABLE snapshot (
            bundle TEXT PRIMARY KEY,
            sequence INTEGER NOT NULL,
            lost INTEGER NOT NULL,
            content BLOB NOT NULL
        ) STRICT""",
        """CREATE TABLE prediction (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            time REAL NOT NULL,
            bundle TEXT NOT NULL,
            label TEXT NOT NULL,
            asked INTEGER NOT NULL,
            image_bytes INTEGER,
            grid BLOB NOT NULL,
            image BLOB
        ) STRICT""",
    ),
    (
        # Features on a backbone to come, so that a change that is broken off goes on where it was.
        """CREATE TABLE ahead (
            sample INTEGER NOT NULL,
            backbone TEXT NOT NULL,
            features BLOB NOT NULL,
            PRIMARY KEY (sample, backbone)
        ) STRICT""",
        # Whatever takes a sample off the record takes these along.
        """CREATE TRIGGER ahead_goes_along AFTER DELETE ON sample BEGIN
            DELETE FROM ahead WHERE sample = old.sequence;
        END""",
    ),
    (
        # A wish says more than which bundle is wanted, and what has not failed has no failure.
        """UPDATE record SET content = CAST(json_set(
            json_remove(CAST(content AS TEXT), '$.wanted'),
            '$.wish', json_object('digest', json_extract(CAST(content AS TEXT), '$.wanted')),
            '$.failure', nullif(json_extract(CAST(content AS TEXT), '$.failure'), 'none')
        ) AS BLOB)
        WHERE name = 'update'
            AND json_type(CAST(content AS TEXT), '$.wanted') = 'text'""",
    ),
    (
        # What left of each class for federation, by a mark of the class and not by its name.
        """CREATE TABLE departure (
            bundle TEXT NOT NULL,
            mark TEXT NOT NULL,
            samples INTEGER NOT NULL,
            most INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            digest TEXT NOT NULL,
            delivered TEXT NOT NULL,
            PRIMARY KEY (bundle, mark)
        ) STRICT, WITHOUT ROWID""",
    ),
)
