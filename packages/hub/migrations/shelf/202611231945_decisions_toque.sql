-- How far a decision has got at the controls that read this lane: sums only, no names. Written once a second by the leader.
create table toque (
  lane        text not null,
  decision_id uuid not null,
  -- By the last word of each control.
  applied     integer not null,
  refused     integer not null,
  withdrawn   integer not null,
  -- Milliseconds from the decision's arrival on this shelf; null while no receipt counts.
  first_ms    integer,
  median_ms   integer,
  primary key (lane, decision_id)
);
