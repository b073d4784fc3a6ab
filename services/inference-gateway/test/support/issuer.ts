import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

interface Key {
  readonly kid: string;
  readonly sign: CryptoKey;
  readonly jwk: JWK;
}

export interface Claims {
  readonly groups?: unknown;
  readonly audience?: string;
  readonly issuer?: string;
  /** Seconds from now. */
  readonly expires?: number;
}

/** An OIDC issuer on loopback, with discovery and keys. */
export class TestIssuer {
  readonly server: Server;
  keys: Key[] = [];
  /** Fetches of the key set. */
  fetches = 0;
  failing = false;

  constructor() {
    this.server = createServer((request, response) => {
      if (this.failing) return void response.writeHead(503).end();
      const url = this.url;
      response.setHeader('content-type', 'application/json');
      if (request.url === '/realms/test/.well-known/openid-configuration')
        return void response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/certs` }));
      if (request.url !== '/realms/test/certs') return void response.writeHead(404).end();
      this.fetches += 1;
      response.end(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }));
    });
  }

  static async start(t: TestContext): Promise<TestIssuer> {
    const issuer = new TestIssuer();
    issuer.server.listen(0, '127.0.0.1');
    await once(issuer.server, 'listening');
    t.after(() => {
      issuer.server.close();
      issuer.server.closeAllConnections();
    });
    await issuer.addKey('first');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/realms/test`;
  }

  async addKey(kid: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
    this.keys.push({ kid, sign: privateKey, jwk });
  }

  /** Signed by the newest key, or by the given one. */
  async token(claims: Claims = {}, key = this.keys.at(-1)): Promise<string> {
    if (key === undefined) throw new Error('the issuer has no key');
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ groups: 'groups' in claims ? claims.groups : ['/teams/team-a'] })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .setSubject('somebody')
      .setIssuer(claims.issuer ?? this.url)
      .setAudience(claims.audience ?? 'inference')
      .setIssuedAt(now)
      .setExpirationTime(now + (claims.expires ?? 300))
      .sign(key.sign);
  }
}
