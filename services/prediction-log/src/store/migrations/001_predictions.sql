-- Bodies are here only until their file is written and their window is closed; what is left joins labels.
create table prediction (
  seq bigint generated always as identity primary key,
  team text not null,
  model text not null,
  version text not null,
  request_id text not null,
  predictor text not null,
  fallback_from text,
  time timestamptz not null,
  status integer not null,
  milliseconds double precision not null,
  request text,
  response text,
  octets integer not null,
  -- Rows of data in the request; none: nothing to compare.
  rows integer not null,
  -- What labels are compared with, as a JSON list.
  predicted text,
  received_at timestamptz not null default now(),
  file uuid,
  written boolean not null default false,
  observed boolean not null default false,
  unique (team, model, request_id)
);
create index prediction_unwritten on prediction (seq) where not written;
create index prediction_unobserved on prediction (team, model, version, seq) where not observed;
create index prediction_received on prediction (received_at);

create table label (
  team text not null,
  model text not null,
  request_id text not null,
  -- A JSON list: one a row of the request.
  label text not null,
  labelled_at timestamptz not null,
  file uuid,
  written boolean not null default false,
  assessed boolean not null default false,
  primary key (team, model, request_id)
);
create index label_unwritten on label (labelled_at) where not written;
create index label_unassessed on label (team, model) where not assessed;

create table baseline (
  team text not null,
  model text not null,
  version text not null,
  content text not null,
  recorded_at timestamptz not null default now(),
  primary key (team, model, version)
);

-- What was found in a window of rows, or of labels.
create table finding (
  id bigint generated always as identity primary key,
  team text not null,
  model text not null,
  version text not null,
  kind text not null check (kind in ('window', 'quality')),
  rows integer not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  scores text not null,
  closed_at timestamptz not null default now()
);
create index finding_latest on finding (team, model, version, kind, id desc);
