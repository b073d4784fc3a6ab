import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';

/** Encrypts what browsers keep for the portal. What was sealed for one purpose opens for no other. */
export class Seal {
  readonly #key: Buffer;
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
    this.#key = createHash('sha256').update(`portal-seal ${secret}`).digest();
  }

  close(purpose: string, content: Readonly<Record<string, unknown>>, seconds: number): Promise<string> {
    return new EncryptJWT({ ...content })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setAudience(purpose)
      .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
      .encrypt(this.#key);
  }

  /** Undefined for what isn't sealed by this key for this purpose, and for what has ended. */
  async open(purpose: string, sealed: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        audience: purpose,
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return payload;
    } catch {
      return undefined;
    }
  }

  /** What a form of this session carries, so that no other site can send it. */
  formToken(session: string): string {
    return createHmac('sha256', this.#secret).update(`portal-form ${session}`).digest('base64url');
  }

  isFormToken(session: string, token: string): boolean {
    const expected = Buffer.from(this.formToken(session));
    const given = Buffer.from(token);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}
