import type KeycloakAdminClient from '@keycloak/keycloak-admin-client';
import type { Report } from '../reconcile.ts';
import type { RealmState } from '../state.ts';
import { holds, isOwned, mark } from './owned.ts';

const hour = 3600;

const wanted = (state: RealmState) => ({
  realm: state.realm,
  enabled: true,
  registrationAllowed: false,
  resetPasswordAllowed: false,
  rememberMe: false,
  editUsernameAllowed: false,
  duplicateEmailsAllowed: false,
  bruteForceProtected: true,
  sslRequired: 'external',
  accessTokenLifespan: state.tokenSeconds,
  // Signing in lasts a working day; each renewal of a token looks at the account and its groups again.
  ssoSessionIdleTimeout: 4 * hour,
  ssoSessionMaxLifespan: 10 * hour,
  attributes: { [mark]: 'true' },
});

/** Makes the realm or corrects its settings; resolves to whether it was made. Rejects when it is somebody else's. */
export const reconcileRealm = async (
  client: KeycloakAdminClient,
  state: RealmState,
  report: Report,
): Promise<boolean> => {
  const { realm } = state;
  const present = await client.realms.findOne({ realm });
  const settings = wanted(state);
  if (present === undefined || present === null) {
    await client.realms.create(settings);
    report({ kind: 'realm', action: 'create', name: realm });
    return true;
  }
  if (!isOwned(present)) throw new Error(`the realm ${realm} is there and wasn't made by identity-sync`);
  if (!holds(present, settings)) {
    const attributes = { ...present.attributes, ...settings.attributes };
    await client.realms.update({ realm }, { ...settings, attributes });
    report({ kind: 'realm', action: 'change', name: realm });
  }
  return false;
};

/** Accounts carry marks of ours, which Keycloak only keeps where attributes outside the profile are allowed. */
export const allowMarks = async (
  client: KeycloakAdminClient,
  realm: string,
  report: Report,
): Promise<void> => {
  const profile = await client.users.getProfile({ realm });
  const policy = profile.unmanagedAttributePolicy as string | undefined;
  if (policy === 'ADMIN_EDIT' || policy === 'ENABLED') return;
  const changed = { ...profile, unmanagedAttributePolicy: 'ADMIN_EDIT', realm };
  await client.users.updateProfile(changed as Parameters<typeof client.users.updateProfile>[0]);
  report({ kind: 'profile', action: 'change', name: realm });
};
