/** A mistake that the person at the keyboard can mend; told without a stack trace. */
export class Unmet extends Error {
  override readonly name = 'Unmet';
}
