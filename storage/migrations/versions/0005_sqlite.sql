CREATE VIRTUAL TABLE message_index_terms USING fts5vocab(message_index, 'instance');
CREATE VIRTUAL TABLE message_index_anew USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii', prefix='2');
INSERT INTO message_index_anew(message_index_anew, rank) VALUES('secure-delete', 1);
INSERT INTO message_index_anew(rowid, words)
  SELECT doc, group_concat(term, ' ') FROM message_index_terms WHERE doc IN (SELECT id FROM message) GROUP BY doc;
DROP TABLE message_index_terms;
DROP TABLE message_index;
ALTER TABLE message_index_anew RENAME TO message_index;
