/** Source-available licences whose terms restrict running the software as a service or in production. */
const forbidden = [
  /^BSL-1\.1$/i,
  /^BSL$/i,
  /^BUSL/i,
  /^SSPL/i,
  /^Elastic/i,
  /^ELv?2/i,
  /^RSAL/i,
  /^FSL/i,
  /^Confluent/i,
  /^PolyForm/i,
  /commons-clause/i,
  /^CC-BY-NC/i,
  /^LicenseRef-/i,
];

/**
 * Of an SPDX expression, `A OR B` leaves the choice to the user, `A AND B` binds to both. `BSL-1.0` is the Boost licence and harmless.
 * An unknown `LicenseRef-` counts as forbidden: somebody has to read it and except it.
 */
export function isForbiddenInProduction(licence: string): boolean {
  if (licence.trim() === '') {
    return true;
  }
  return licence
    .split(/\s+OR\s+/i)
    .every((choice) =>
      choice.split(/\s+AND\s+/i).some((part) => forbidden.some((pattern) => pattern.test(part.trim()))),
    );
}
