-- Which trace an event belongs to: the trace's id (16 bytes), the span's (8) and the flags (1). It is not hashed: a row
-- of before this migration has none, and its hash stays what it was.
ALTER TABLE events ADD COLUMN trace BLOB;
