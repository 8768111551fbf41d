-- What 0027 makes on sqlite, frozen: the directories that key files of backups were written to, owed one by all.
CREATE TABLE backup_target (
    node INTEGER NOT NULL,
    path TEXT NOT NULL,
    owed BIGINT NOT NULL,
    written BIGINT NOT NULL,
    lost_at BIGINT,
    lost_by TEXT,
    lost_reason TEXT,
    PRIMARY KEY (node, path)
);

INSERT INTO backup_target (node, path, owed, written)
SELECT DISTINCT COALESCE(backup.node, 0), target.value, 1, 0
FROM backup, json_each(backup.targets) AS target
WHERE backup.finished_at IS NOT NULL AND backup.gone_at IS NULL;
