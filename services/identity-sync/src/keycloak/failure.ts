import { NetworkError } from '@keycloak/keycloak-admin-client';

/** A failure in words, without anything that was sent. */
export const describeFailure = (error: unknown): string => {
  if (error instanceof NetworkError) {
    const { status, url } = error.response;
    return `Keycloak answered ${status} at ${new URL(url).pathname}: ${error.message}`;
  }
  if (!(error instanceof Error)) return String(error);
  // fetch says "fetch failed", and why in its cause.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};
