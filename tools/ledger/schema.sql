CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, incident TEXT NOT NULL, version TEXT NOT NULL, generation INTEGER NOT NULL,
    body TEXT NOT NULL, mode TEXT NOT NULL, status TEXT, report TEXT,
    holder TEXT, fence INTEGER NOT NULL, beat_at REAL NOT NULL, opened_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    UNIQUE (incident, generation)
);
CREATE TABLE IF NOT EXISTS claims (
    effect TEXT PRIMARY KEY, run_id TEXT NOT NULL, state TEXT NOT NULL, change TEXT NOT NULL, claimed_at TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS receipts (
    run_id TEXT NOT NULL, action_id TEXT NOT NULL, kind TEXT NOT NULL, effect TEXT NOT NULL, receipt TEXT NOT NULL,
    PRIMARY KEY (run_id, action_id, kind)
);
CREATE TABLE IF NOT EXISTS requests (run_id TEXT PRIMARY KEY, digest TEXT NOT NULL, request TEXT NOT NULL, asked_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    nonce TEXT PRIMARY KEY, run_id TEXT NOT NULL, digest TEXT NOT NULL, approval TEXT NOT NULL, consumed_by TEXT
);
CREATE TABLE IF NOT EXISTS needs (
    effect TEXT NOT NULL, run_id TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (effect, run_id)
);
CREATE TABLE IF NOT EXISTS handed_over (run_id TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parked (id TEXT PRIMARY KEY, parked TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cases (
    name TEXT NOT NULL, at TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (name, at, run_id)
);
CREATE TABLE IF NOT EXISTS cards (id TEXT PRIMARY KEY, at TEXT NOT NULL, card TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS first_start (one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS waits (run_id TEXT PRIMARY KEY, checkpoint TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS made (place TEXT NOT NULL, resource TEXT NOT NULL, PRIMARY KEY (place, resource));
