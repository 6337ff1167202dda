import { describe, expect, test } from 'vitest';
import { HOLD_MEMO, holdIn, longer, type StandingHold } from '../../domain/standing-hold.js';

const hold: StandingHold = {
  by: 'ada',
  reason: 'deploy',
  cluster: 'c',
  job: 'counts',
  since: 100,
  until: 900,
};

describe('the hold in a memo', () => {
  test('is read as it was placed', () => {
    expect(holdIn({ [HOLD_MEMO]: hold }, 500)).toEqual(hold);
    expect(holdIn({ [HOLD_MEMO]: { ...hold, job: null } }, 500)?.job).toBeNull();
  });

  test.each<[string, unknown]>([
    ['is none when its time is over', { ...hold, until: 500 }],
    ['is none without an end', { ...hold, until: undefined }],
    ['is none without who placed it', { ...hold, by: 7 }],
    ['is none when it is something else', 'held'],
    ['is none when there is nothing', undefined],
  ])('%s', (_promise, memo) => {
    expect(holdIn(memo === undefined ? undefined : { [HOLD_MEMO]: memo }, 500)).toBeNull();
  });
});

test('of a hold on the job and one on its cluster the longer one counts', () => {
  const ofCluster = { ...hold, job: null, until: 1_000 };
  expect(longer(hold, ofCluster)).toBe(ofCluster);
  expect(longer(ofCluster, hold)).toBe(ofCluster);
  expect(longer(hold, null)).toBe(hold);
  expect(longer(null, hold)).toBe(hold);
  expect(longer(null, null)).toBeNull();
});
