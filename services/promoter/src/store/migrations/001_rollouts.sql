-- What is served of each model, and what its alias was when it was last acted upon.
create table models (
  name text primary key,
  team text not null,
  serving_version text,
  acted_version text,
  updated_at timestamptz not null default now()
);

create table rollouts (
  id bigint generated always as identity primary key,
  team text not null,
  model text not null references models (name),
  version text not null,
  run_id text,
  source text,
  requested_by text not null,
  stable text,
  steps jsonb not null,
  phase text not null check (phase in ('deploying', 'step', 'ending', 'done')),
  step integer not null,
  since timestamptz,
  blind_since timestamptz,
  approved integer,
  stop_reason text,
  outcome text check (outcome in ('promoted', 'rolledBack', 'refused')),
  reason text,
  revision integer not null default 1,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  -- Whether the outcome is in the registry.
  told boolean not null default false,
  check ((phase = 'done') = (finished_at is not null)),
  check (phase in ('deploying', 'step') or outcome is not null)
);

-- Promotions of one model serialize: the database itself refuses a second one.
create unique index one_rollout_per_model on rollouts (model) where finished_at is null;
create index rollouts_by_model on rollouts (model, id desc);
create index rollouts_to_tell on rollouts (id) where not told;

create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  team text not null,
  model text not null,
  rollout bigint references rollouts (id),
  actor text not null,
  event text not null,
  detail jsonb not null default '{}'
);
create index audit_by_model on audit (model, id desc);

-- Webhook deliveries that were taken; older than a signature may be, they go.
create table deliveries (
  id text primary key,
  at timestamptz not null default now()
);
