import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exceptionsIn } from '../../adapters/flink-answers.js';
import { stateRefusedBy } from '../../adapters/flink-state-refusal.js';

const captures = new URL('../fixtures/captures/flink-1.20/', import.meta.url);
const captured = (name: string) =>
  exceptionsIn(JSON.parse(readFileSync(new URL(`${name}/exceptions.json`, captures), 'utf8')));

describe('what a failed task says of the state it was restoring', () => {
  test.each([
    ['c-state-file-missing', 'StateMissing'],
    ['c-state-file-short', 'StateCorrupt'],
    ['b-failed', 'StateMissing'],
  ])('%s: %s', (name, code) => {
    expect(captured(name).some((e) => e.refuses === code)).toBe(true);
  });

  test('a NameNode that was away says nothing of it', () => {
    expect(captured('f-exponential-nn-down').map((e) => e.refuses ?? null)).not.toContain('StateMissing');
    expect(captured('f-exponential-nn-down').every((e) => (e.refuses ?? null) === null)).toBe(true);
  });

  test('neither does a connection that ended, which Hadoop calls an EOFException', () => {
    const loading = 'org.apache.flink.util.FlinkException: Could not restore keyed state backend for X';
    const ended =
      'java.io.EOFException: End of File Exception between local host is: "a"; destination host is: "b"';
    expect(stateRefusedBy([loading, ended])).toBeNull();
    expect(stateRefusedBy([loading, 'java.io.EOFException'])).toBe('StateCorrupt');
  });

  test("neither does the program's own missing file", () => {
    expect(stateRefusedBy(['java.io.FileNotFoundException: File does not exist: /data/x'])).toBeNull();
  });
});
