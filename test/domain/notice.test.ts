import { describe, expect, test } from 'vitest';
import { atLeast, episodesAfter, type Finding, type OpenNotice } from '../../domain/notice.js';

const yes: Finding = { is: 'yes', summary: 'six in a row' };
const open: readonly OpenNotice[] = [{ kind: 'CheckpointsFailing', since: 5, summary: 'six in a row' }];
const after = (before: readonly OpenNotice[], CheckpointsFailing: Finding, at = 20) =>
  episodesAfter(before, { CheckpointsFailing }, at);

describe('an episode', () => {
  test('is raised once, with the time of the look', () => {
    expect(after([], yes)).toEqual({
      open: [{ kind: 'CheckpointsFailing', since: 20, summary: 'six in a row' }],
      changes: [{ kind: 'CheckpointsFailing', since: 20, summary: 'six in a row', state: 'raised' }],
    });
  });
  test('goes on without a word, with what is seen now', () => {
    expect(after(open, { is: 'yes', summary: 'seven in a row' })).toEqual({
      open: [{ kind: 'CheckpointsFailing', since: 5, summary: 'seven in a row' }],
      changes: [],
    });
  });
  test('is told to be over, under the same beginning', () => {
    expect(after(open, { is: 'no' })).toEqual({ open: [], changes: [{ ...open[0], state: 'over' }] });
  });
  test('neither begins nor ends by what could not be seen', () => {
    expect(after(open, { is: 'unknown' })).toEqual({ open, changes: [] });
    expect(after([], { is: 'unknown' })).toEqual({ open: [], changes: [] });
    expect(episodesAfter(open, {}, 20)).toEqual({ open, changes: [] });
  });
});

test('a receiver gets what is as urgent as it asks for, or more', () => {
  expect(atLeast('critical', 'warning')).toBe(true);
  expect(atLeast('warning', 'warning')).toBe(true);
  expect(atLeast('info', 'warning')).toBe(false);
});
