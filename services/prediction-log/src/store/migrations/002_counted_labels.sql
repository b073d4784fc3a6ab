-- Whether a label is in the counters of right and wrong predictions. Those that are there have had their time.
alter table label add column counted boolean not null default true;
alter table label alter column counted set default false;
create index label_uncounted on label (team, model) where not counted;
