import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorsPage } from './support/errors-page.js';

test('docs/errors.md says of every failure what the catalogue says', async () => {
  const written = readFileSync(join(import.meta.dirname, '..', 'docs', 'errors.md'), 'utf8');
  expect(written.replace(/\r/g, '')).toBe(await errorsPage());
});
