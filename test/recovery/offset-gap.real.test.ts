/**
 * Kafka loses records that the restored job needs, on the real systems: asked, accepted, restored; and what was not
 * read is told to the record. The sink is short by exactly that number.
 */
import { expect, test } from 'vitest';
import { JOB, TOPICS } from '../../demo/scene.js';
import { checkWindows, committedOffsets, deleteRecordsBefore } from '../../stack/index.js';
import type { KafkaPositions } from '../../formats/kafka-positions.js';
import { incident } from '../support/incident.js';

const { scene, start, phaseIs, status, loseTheJob, bringTheNameNodeBack } = incident();

/** Records that retention takes beyond the group's offset, while the job is down. */
const BEYOND = 137;

test('retention passes the position while the job is down: asked, and resumed with a gap of that many records', async () => {
  const holdfast = await start();
  await loseTheJob();
  const broker = scene().stack.endpoints.kafka ?? '';
  const committed = await committedOffsets(broker, 'window-counts', TOPICS.in);
  const logStart = (committed.get(0) ?? 0) + BEYOND;
  await deleteRecordsBefore(broker, TOPICS.in, new Map([[0, logStart]]));
  await bringTheNameNodeBack();
  expect(await holdfast.sendAlert(new Date())).toBeLessThan(300);

  const asking = await phaseIs('asking');
  expect(asking.question).toMatchObject({ about: 'offset gap' });
  const point = asking.ladder[0]?.path ?? '';
  const positions = await holdfast.run('offsets', point, '--json');
  expect(positions.code).toBe(0);
  const next = (JSON.parse(positions.out) as Pick<KafkaPositions, 'positions'>).positions.find(
    (p) => p.partition === 0,
  )?.next;
  const missing = logStart - Number(next);
  expect(missing).toBeGreaterThan(0);
  expect(asking.question?.text).toContain(`${TOPICS.in}/0: ${missing} records`);
  expect(asking.restored, 'nothing is submitted before the answer').toBeNull();

  const id = asking.question?.id ?? '';
  expect(
    await holdfast.run('approve', JOB, '--question', id, '--reason', 'they are counted elsewhere'),
  ).toMatchObject({ code: 0 });
  const resumed = await phaseIs('resumed with a gap');
  expect(resumed.restored).toMatchObject({
    point,
    skipped: [{ topic: TOPICS.in, partition: 0, from: next, atLeast: String(missing) }],
  });
  // Flink's count of a moment may lack some records: it bounds the gap from above.
  const atMost = Number(resumed.restored?.skipped?.[0]?.atMost);
  expect(atMost).toBeGreaterThanOrEqual(missing);
  expect(resumed.because).toMatchObject({ code: 'OffsetsGone' });
  expect((await holdfast.run('status', JOB)).out).toContain(`${atMost} records from ${next}`);

  const events = await scene().events.finish(logStart);
  const counts = await checkWindows({ broker, topic: TOPICS.out, events });
  expect(counts).toMatchObject({ complete: true, missing: 0, unexpected: 0, undercounted: missing });
  expect((await status()).phase).toBe('resumed with a gap');
});
