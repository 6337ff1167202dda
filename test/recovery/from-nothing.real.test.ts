/** A start from nothing on the real systems: by two words of a person, from a point in Kafka, and proved. */
import { expect, test } from 'vitest';
import { JOB, TOPICS } from '../../demo/scene.js';
import { until } from '../../stack/index.js';
import { incident } from '../support/incident.js';

const { scene, start, status, phaseIs, loseTheJob, bringTheNameNodeBack, countsAreRight } = incident();

test('started from the beginning of Kafka after a second word; every window is counted again, and right', async () => {
  const holdfast = await start({ approval: 'always' });
  await loseTheJob();
  await bringTheNameNodeBack();
  expect(await holdfast.sendAlert(new Date())).toBeLessThan(300);
  const first = await phaseIs('asking');
  expect(first.question).toMatchObject({ about: 'approval' });
  const sound = first.ladder[0]?.path;

  const refused = await holdfast.run('recover', JOB, '--from-nothing', '--reason', 'no position');
  expect(refused).toMatchObject({ code: 64 });
  const said = [
    'recover',
    JOB,
    '--from-nothing',
    '--kafka-from',
    'earliest',
    '--reason',
    'count it all again',
  ];
  expect(await holdfast.run(...said)).toMatchObject({ code: 0 });
  const asking = await until('it asks before a sound point is given up', async () => {
    const now = await status();
    return now.question?.about === 'from nothing' ? now : undefined;
  });
  expect(asking.question?.text).toContain(sound);
  expect(asking.restored, 'nothing is submitted before the answer').toBeNull();

  const id = asking.question?.id ?? '';
  expect(await holdfast.run('approve', JOB, '--question', id, '--reason', 'yes, all of it')).toMatchObject({
    code: 0,
  });
  const resumed = await phaseIs('resumed');
  expect(resumed.restored).toMatchObject({
    point: 'nothing',
    skipped: [],
    fromNothing: { kafkaFrom: 'earliest', gaveUp: [{ path: sound, verdict: 'sound' }] },
  });
  const proofs = resumed.restored?.proofs.join('\n');
  expect(proofs).toContain(`started at ${TOPICS.in}/0=0, ${TOPICS.in}/1=0`);
  expect((await scene().flink.checkpoints(resumed.restored?.run ?? '')).restored).toBeUndefined();
  // What the group had is kept.
  expect(resumed.groupOffsets?.before).toHaveLength(2);
  expect((await holdfast.run('status', JOB)).out).toContain('--reset-offsets --from-file undo.csv --execute');
  await countsAreRight();
});
