-- Makes a consumer's database, the role that owns it and one login of the current generation; safe to repeat.
-- Values come from the environment, so that no password stands on a command line.
\set ON_ERROR_STOP on
\getenv database PLINTH_DATABASE
\getenv login PLINTH_LOGIN
\getenv password PLINTH_PASSWORD

-- The server must not log the statement that carries the password. Only a superuser may say so, and only a
-- superuser's server is ours.
SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user \gset
\if :superuser
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
\endif

SELECT format('CREATE ROLE %I NOLOGIN', :'database')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'database') \gexec

SELECT format('CREATE ROLE %I', :'login')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') \gexec

ALTER ROLE :"login" LOGIN PASSWORD :'password';
GRANT :"database" TO :"login";
-- Whatever a login makes belongs to the owner, so the next login finds it as its own.
ALTER ROLE :"login" SET role TO :"database";
-- An administrator who is no superuser may only give a database to a role it is a member of.
GRANT :"database" TO CURRENT_USER;
-- ... and may only end a login that it is a member of.
GRANT :"login" TO CURRENT_USER;

SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
