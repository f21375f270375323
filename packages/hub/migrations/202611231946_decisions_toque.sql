-- Decisions whose sums on the shelves are to be made anew, because receipts came.
-- Safe while the previous release still runs: adds a table, changes nothing that it reads.
create table decisions.toque_due (
  channel_num  integer not null,
  decision_id  uuid not null,
  primary key (channel_num, decision_id)
);
