/** Kafka dies, forgets records, or is not the log it was, while a job is to be restored. On the real systems. */
import { describe, expect, test } from 'vitest';
import { committedOffsets, createTopics, deleteRecordsBefore, until } from '../../stack/index.js';
import { kafkaHands } from '../support/kafka-hands.js';
import { JOB, trials, type Trial } from '../support/trial.js';

const { stack, trial } = trials();

const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';
const broker = () => stack().endpoints.kafka ?? '';

describe('the broker dies', () => {
  test('before the offsets are checked: unknown, nothing is submitted, restored when it is back', async () => {
    const it = await trial();
    await it.lose();
    const kafka = stack().server('kafka');
    await kafka.kill();
    await it.alert();
    await it.failedWith('KafkaUnavailable');
    expect(await it.states()).toEqual(['FAILED']);
    await kafka.start();
    await it.resumedFrom(await newestOf(it));
  });

  test('while the restore is being proved: not believed before records flow again; one run', async () => {
    const it = await trial();
    await it.lose();
    await it.alert();
    const { restored } = await it.phaseIs('confirming');
    const kafka = stack().server('kafka');
    await kafka.kill();
    await it.flink.running(restored?.run ?? '');
    await kafka.start();
    const resumed = await it.phaseIs('resumed');
    expect((await it.states()).filter((state) => state === 'RUNNING')).toHaveLength(1);
    expect(resumed.restored?.provedAt).not.toBeNull();
    await it.countsAreRight();
  });
});

describe('the log is not what the state expects', () => {
  test('records after the restore point are gone: asked with their number, nothing is submitted', async () => {
    const it = await trial();
    await it.lose();
    const sent = it.events.sent();
    await until('more is sent than the state has seen', () => it.events.sent() > sent + 200);
    await it.events.stop();
    const hands = await kafkaHands(broker());
    try {
      const ends = await hands.admin.fetchTopicOffsets(it.topics.in);
      await deleteRecordsBefore(
        broker(),
        it.topics.in,
        new Map(ends.map(({ partition, high }) => [partition, Number(high)])),
      );
    } finally {
      await hands.close();
    }
    await it.alert();
    const asking = await it.phaseIs('asking');
    expect(asking.because).toMatchObject({ code: 'OffsetsGone' });
    expect(asking.question?.text).toMatch(/\d+ records/);
    expect(await it.states()).toEqual(['FAILED']);
    await it.client.reject(JOB, {
      ...{ by: 'test', reason: 'they are needed', question: asking.question?.id ?? '' },
    });
    await it.phaseIs('aborted');
    expect(await it.states()).toEqual(['FAILED']);
  });

  test('the topic was made anew: never taken for the same log, asked, nothing is submitted', async () => {
    const it = await trial();
    await it.lose();
    await it.events.stop();
    const hands = await kafkaHands(broker());
    try {
      await hands.admin.deleteTopics({ topics: [it.topics.in] });
    } finally {
      await hands.close();
    }
    await until('the topic is there again', () =>
      createTopics(broker(), [{ topic: it.topics.in }]).then(() => true),
    );
    await it.alert();
    const asking = await it.phaseIs('asking');
    expect(asking.because).toMatchObject({ code: 'LogReplaced' });
    expect(await it.states()).toEqual(['FAILED']);
  });
});

describe('somebody else lives in the consumer group', () => {
  test('its offsets are left alone, and the job is restored all the same', async () => {
    const it = await trial();
    await it.lose();
    const hands = await kafkaHands(broker());
    try {
      await hands.join(it.group, it.topics.in);
      const before = [...(await committedOffsets(broker(), it.group, it.topics.in))].sort();
      await it.alert();
      await it.phaseIs('confirming');
      expect([...(await committedOffsets(broker(), it.group, it.topics.in))].sort()).toEqual(before);
    } finally {
      await hands.close();
    }
    await it.resumedFrom(await newestOf(it));
  });
});
