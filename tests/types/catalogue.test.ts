import { image, type PinnedImage, reference } from '../../constructs/catalogue/index.ts';

// The assertions here are the compiler's: an unused @ts-expect-error fails the type check.
test('only the catalogue makes a pinned image', () => {
  const pinned: PinnedImage = image('mlflow');
  expect(reference(pinned)).toContain('plinth/mlflow:');

  // @ts-expect-error an image outside the catalogue has no version
  expect(() => reference(image('redis'))).toThrow();

  // @ts-expect-error a string is not a pinned image
  const text: PinnedImage = 'docker.io/library/postgres:15';
  expect(text).toBeDefined();

  // @ts-expect-error an object of the same shape is not a pinned image
  const forged: PinnedImage = { name: 'mlflow', repository: 'x', version: '1', digest: null, tag: '1-0' };
  expect(forged.tag).toBe('1-0');
});
