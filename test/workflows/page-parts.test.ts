import { describe, expect, test } from 'vitest';
import type { Phase } from '../../domain/case.js';
import type { Question } from '../../domain/desk.js';
import { ladderLines, questionLines, timeLeftLines, updateLines } from '../../workflows/page-parts.js';

const question: Question = {
  id: '2-abcdef012345',
  about: 'branch',
  text: 'Two branches exist.',
  approves: 'restore chk-12',
  choices: ['hdfs://nn/chk-2', 'hdfs://nn/chk-12'],
  askedAt: 1_000,
  expiresAt: 2_000,
  facts: ['State: checkpoint 12'],
};

/** What stands in code blocks: only there the page keeps quotes as they are. */
const blocks = (lines: readonly string[]): readonly unknown[] =>
  [...lines.join('\n').matchAll(/```\n(.*?)\n```/gs)].map((m) => JSON.parse(m[1] ?? '') as unknown);

describe('the page of a question', () => {
  test('shows the exact data of every update that answers it', () => {
    const signed = { by: 'YOUR NAME', reason: 'WHY' };
    const id = { ...signed, question: question.id };
    expect(blocks(questionLines(question))).toEqual([
      id,
      { ...id, path: 'hdfs://nn/chk-2' },
      { ...id, path: 'hdfs://nn/chk-12' },
      id,
      signed,
    ]);
  });

  test('offers no approval where there is nothing to approve', () => {
    const text = questionLines({ ...question, approves: null, choices: [] }).join('\n');
    expect(text).not.toContain('`approve`');
    expect(text).toContain('`reject`');
  });

  test('lists what approval costs', () => {
    expect(questionLines(question)).toContain('- State: checkpoint 12');
  });
});

describe('what can be said on the page', () => {
  test.each<[Phase, readonly string[]]>([
    ['waiting', ['hold', 'abort', 'retryNow']],
    ['held', ['release', 'abort']],
    ['asking', ['hold', 'abort', 'close']],
    ['aborted', ['resume', 'close']],
    ['resumed', ['close']],
    ['closed', []],
  ])('while %s: %s', (phase, names) => {
    const text = updateLines(phase).join('\n');
    expect([...text.matchAll(/`(\w+)`/g)].map((m) => m[1])).toEqual(names);
  });
});

test('time that is over, time that is left and what does not run out are told apart', () => {
  const left = {
    of: 'kafka',
    what: 'the first record',
    then: 'it is deleted',
    extend: 'kafka-configs.sh',
  } as const;
  const lines = timeLeftLines(
    [
      { ...left, until: 5_000 },
      { ...left, until: 605_000 },
      { ...left, until: null, extend: null },
    ],
    5_000,
  ).join('\n');
  expect(lines).toContain('**over since 1970-01-01 00:00:05 UTC**');
  expect(lines).toContain('**10 min left, until');
  expect(lines).toContain('**no end by itself**: the first record. Then: it is deleted.');
  expect(lines.match(/More time: `kafka-configs.sh`/g)).toHaveLength(2);
  expect(timeLeftLines([], 0)).toEqual([]);
});

test('a rung is one line, whatever its reason says', () => {
  const rung = {
    path: 'hdfs://nn/chk-1',
    id: '1',
    kind: 'checkpoint',
    sources: [],
    verdict: 'broken',
  } as const;
  expect(ladderLines([{ ...rung, because: 'gone\nfor good' }]).at(-1)).toBe(
    '- **broken** `hdfs://nn/chk-1` gone for good',
  );
});
