import { describe, expect, test } from 'vitest';
import { keepFirst, undoCommands, type ResumedOffsets } from '../../domain/group-offsets.js';

const resumed = (...before: readonly string[]): ResumedOffsets => ({
  group: 'counts',
  committed: before.length,
  before,
  left: null,
  fault: null,
});
const TOOL = "kafka-consumer-groups.sh --bootstrap-server … --group 'counts'";

describe('the undo of a group brought into line', () => {
  test.each<[promise: string, before: readonly string[], commands: readonly string[]]>([
    ['nothing was changed: nothing to undo', [], []],
    [
      'gives each partition back what it had, as CSV',
      ['events/0=12', 'events/1=7'],
      [
        "printf '%s\\n' events,0,12 events,1,7 > undo.csv",
        `${TOOL} --reset-offsets --from-file undo.csv --execute`,
      ],
    ],
    [
      'deletes offsets of a topic that had none',
      ['events/0=none', 'events/1=none'],
      [`${TOOL} --delete-offsets --topic events`],
    ],
    [
      'keeps offsets of a topic of which some partitions had one',
      ['events/0=12', 'events/1=none'],
      ["printf '%s\\n' events,0,12 > undo.csv", `${TOOL} --reset-offsets --from-file undo.csv --execute`],
    ],
  ])('%s', (_promise, before, commands) => {
    expect(undoCommands(resumed(...before))).toEqual(commands);
  });

  test('a group whose name a shell would read otherwise is quoted', () => {
    expect(undoCommands({ group: "it's; rm -rf", before: ['t/0=1'] })[1]).toContain(
      String.raw`--group 'it'\''s; rm -rf'`,
    );
  });

  test('what the first of several steps found is what the undo goes back to', () => {
    const first = resumed('t/0=5');
    expect(keepFirst(null, first)).toBe(first);
    expect(keepFirst(first, resumed('t/0=9', 't/1=3')).before).toEqual(['t/0=5', 't/1=3']);
    expect(keepFirst(first, { ...resumed(), left: 'the commit was refused' })).toMatchObject({
      before: ['t/0=5'],
      left: 'the commit was refused',
    });
  });
});
