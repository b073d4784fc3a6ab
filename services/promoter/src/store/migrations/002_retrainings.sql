-- A run of a model's retraining DAG. It is claimed before Airflow is asked, under an id that is asked for again by
-- whoever comes after a process that was killed: Airflow has it once.
create table retrainings (
  id bigint generated always as identity primary key,
  team text not null,
  model text not null,
  dag text not null,
  run text not null,
  conf jsonb not null,
  state text not null default 'claimed' check (state in ('claimed', 'triggered', 'refused')),
  claimed_at timestamptz not null default now(),
  triggered_at timestamptz,
  unique (dag, run),
  check ((state = 'triggered') = (triggered_at is not null))
);
create unique index one_claim_per_model on retrainings (team, model) where state = 'claimed';
create index retrainings_by_model on retrainings (team, model, id desc);

-- Alerts that have had their run: told again, they get no other.
create table retraining_alerts (
  fingerprint text not null,
  starts_at timestamptz not null,
  retraining bigint not null references retrainings (id) on delete cascade,
  primary key (fingerprint, starts_at)
);
