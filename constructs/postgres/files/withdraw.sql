-- Ends every login of a consumer but the current one, after the consumer has rolled; safe to repeat.
\set ON_ERROR_STOP on
\getenv database PLINTH_DATABASE
\getenv login PLINTH_LOGIN

SELECT format('ALTER ROLE %I NOLOGIN', rolname)
FROM pg_roles
WHERE rolname ~ ('^' || :'database' || '_g[0-9]+$') AND rolname <> :'login' \gexec

SELECT pg_terminate_backend(pid) AS ended
FROM pg_stat_activity
WHERE usename ~ ('^' || :'database' || '_g[0-9]+$') AND usename <> :'login';

\connect :"database"
SELECT format('REASSIGN OWNED BY %I TO %I', rolname, :'database') || ';' || format('DROP OWNED BY %I', rolname)
FROM pg_roles
WHERE rolname ~ ('^' || :'database' || '_g[0-9]+$') AND rolname <> :'login' \gexec

SELECT format('DROP ROLE %I', rolname)
FROM pg_roles
WHERE rolname ~ ('^' || :'database' || '_g[0-9]+$') AND rolname <> :'login' \gexec
