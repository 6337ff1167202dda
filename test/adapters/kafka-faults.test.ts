import { describe, expect, it, vi } from 'vitest';
import { kafkaLog } from '../../adapters/kafka.js';
import type { Call, Kafka } from '../../adapters/ports.js';
import { HoldfastError } from '../../domain/failure.js';
import { secret } from '../../domain/secret.js';
import { type FakeKafka, type KafkaApi, type KafkaInstead, startFakeKafka } from '../support/fake-kafka.js';
import { expectNothingLeft } from '../support/leftovers.js';

/** Milliseconds that a busy machine may add to a deadline before a test calls it late. */
const NOISE = 1_500;

const call = (deadline: number): Call => ({ signal: new AbortController().signal, deadline });
const start = async (nodeId = 1): Promise<FakeKafka> => {
  const fake = await startFakeKafka(nodeId);
  fake.world.topics.events = {
    partitions: { 0: { start: 5n, end: 20n } },
    settings: { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' },
  };
  return fake;
};
const instead = (api: KafkaApi, what: KafkaInstead) => (request: { readonly api: KafkaApi }) =>
  request.api === api ? what : undefined;
const size = (bytes: number) => {
  const frame = Buffer.alloc(4);
  frame.writeInt32BE(bytes);
  return frame;
};
const html = Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html></html>');
const asks: Record<string, (log: Kafka, c: Call) => Promise<unknown>> = {
  ApiVersions: (log, c) => log.ranges('events', c),
  Metadata: (log, c) => log.ranges('events', c),
  ListOffsets: (log, c) => log.ranges('events', c),
  Fetch: (log, c) => log.timestamps([{ topic: 'events', partition: 0, offset: 7n }], c),
  DescribeConfigs: (log, c) => log.settings('events', c),
  FindCoordinator: (log, c) => log.group('counts', ['events'], c),
  DescribeGroups: (log, c) => log.group('counts', ['events'], c),
  ListGroups: (log, c) => log.group('counts', ['events'], c),
  OffsetFetch: (log, c) => log.group('counts', ['events'], c),
};

describe.concurrent('a broker', () => {
  const faults: readonly (readonly [string, KafkaInstead])[] = [
    ['freezes', 'silence'],
    ['hangs up', 'cut'],
    ['cuts its answer', 'half'],
    ['drips its answer', 'drip'],
    ['is a web server', { raw: html }],
    ['declares an answer of 2 GiB', { raw: size(0x7fffffff) }],
    ['declares a negative length', { raw: size(-5) }],
    ['declares an empty answer', { raw: size(0) }],
  ];
  for (const api of Object.keys(asks) as KafkaApi[])
    for (const [what, fault] of faults)
      it(`that ${what} at ${api} is unknown by the deadline`, async ({ expect: own }) => {
        const fake = await start();
        try {
          fake.onRequest(instead(api, fault));
          const started = performance.now();
          const reading = await asks[api]?.(kafkaLog('main', { brokers: [fake.address] }), call(600));
          own(performance.now() - started).toBeLessThan(600 + 100 + NOISE);
          own(reading).toMatchObject({ is: 'unknown', because: { code: 'KafkaUnavailable' } });
          await own.poll(fake.connections).toBe(0);
        } finally {
          await fake.close();
        }
      });

  for (const [what, fault] of faults)
    it(`that ${what} when it is asked first is passed over`, async ({ expect: own }) => {
      const [bad, good] = await Promise.all([start(), start(2)]);
      try {
        bad.onRequest(instead('ApiVersions', fault));
        const log = kafkaLog('main', { brokers: [bad.address, good.address] });
        own(await log.ranges('events', call(6_000))).toMatchObject({ is: 'present' });
        await own.poll(bad.connections).toBe(0);
      } finally {
        await Promise.all([bad.close(), good.close()]);
      }
    });

  it('that answers with bytes that are no answer is told from one that does not answer', async ({
    expect: own,
  }) => {
    const fake = await start();
    try {
      fake.onRequest(instead('ApiVersions', { raw: html }));
      const reading = await kafkaLog('main', { brokers: [fake.address] }).ranges('events', call(2_000));
      own(reading).toMatchObject({
        because: { message: own.stringContaining('not an answer of Kafka') as string },
      });
    } finally {
      await fake.close();
    }
  });

  it('that refuses connections costs no time when another one answers, and is not asked first again', async ({
    expect: own,
  }) => {
    const [bad, good] = await Promise.all([start(), start(2)]);
    await bad.close();
    try {
      const log = kafkaLog('main', { brokers: [bad.address, good.address] });
      const started = performance.now();
      own(await log.ranges('events', call(4_000))).toMatchObject({ is: 'present' });
      own(performance.now() - started).toBeLessThan(500 + NOISE);
    } finally {
      await good.close();
    }
  });

  it('that all refuse is unavailable long before the deadline', async ({ expect: own }) => {
    const bad = await start();
    await bad.close();
    const started = performance.now();
    const reading = await kafkaLog('main', { brokers: [bad.address] }).ranges('events', call(6_000));
    own(performance.now() - started).toBeLessThan(1_600 + NOISE);
    own(reading).toMatchObject({
      is: 'unknown',
      because: { code: 'KafkaUnavailable', message: own.stringContaining('ECONNREFUSED') as string },
    });
  });

  it('that leads a partition and is dead makes it unknown', async ({ expect: own }) => {
    const [fake, dead] = await Promise.all([start(), start(2)]);
    await dead.close();
    try {
      fake.world.brokers.push({ nodeId: 2, port: dead.port });
      fake.world.topics.events = { partitions: { 0: { start: 0n, end: 1n, leader: 2 } } };
      own(await kafkaLog('main', { brokers: [fake.address] }).ranges('events', call(1_000))).toMatchObject({
        is: 'unknown',
        because: { code: 'KafkaUnavailable' },
      });
    } finally {
      await fake.close();
    }
  });

  it('that leads a partition and is not listed makes it unknown', async ({ expect: own }) => {
    const fake = await start();
    try {
      fake.world.topics.events = { partitions: { 0: { start: 0n, end: 1n, leader: 9 } } };
      own(await kafkaLog('main', { brokers: [fake.address] }).ranges('events', call(1_000))).toMatchObject({
        is: 'unknown',
        because: { code: 'KafkaUnavailable' },
      });
    } finally {
      await fake.close();
    }
  });
});

describe.concurrent('credentials', () => {
  const sasl = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512') => ({
    mechanism,
    username: 'holdfast',
    password: secret('geheim'),
  });

  it('that are refused are a failure of their own, without the password in it', async ({ expect: own }) => {
    const fake = await start();
    try {
      fake.world.code.SaslAuthenticate = 58;
      const log = kafkaLog('main', { brokers: [fake.address], sasl: sasl('plain') });
      const reading = await log.ranges('events', call(2_000));
      own(reading).toMatchObject({ is: 'unknown', because: { code: 'AuthFailed' } });
      own(JSON.stringify(reading)).not.toContain('geheim');
    } finally {
      await fake.close();
    }
  });

  it('of a mechanism that the broker does not have are refused', async ({ expect: own }) => {
    const fake = await start();
    try {
      const log = kafkaLog('main', { brokers: [fake.address], sasl: sasl('scram-sha-512') });
      own(await log.ranges('events', call(2_000))).toMatchObject({ because: { code: 'AuthFailed' } });
    } finally {
      await fake.close();
    }
  });

  for (const api of ['SaslHandshake', 'SaslAuthenticate'] as const)
    for (const fault of ['silence', 'cut', 'half', 'drip'] as const)
      it(`are not refused by a broker that goes silent or away at ${api} (${fault})`, async ({
        expect: own,
      }) => {
        const fake = await start();
        try {
          fake.onRequest(instead(api, fault));
          const log = kafkaLog('main', { brokers: [fake.address], sasl: sasl('plain') });
          own(await log.ranges('events', call(2_500))).toMatchObject({
            because: { code: 'KafkaUnavailable' },
          });
          await own.poll(fake.connections).toBe(0);
        } finally {
          await fake.close();
        }
      });

  it('are asked of a broker without TLS in vain', async ({ expect: own }) => {
    const fake = await start();
    try {
      const log = kafkaLog('main', { brokers: [fake.address], tls: true });
      own(await log.ranges('events', call(1_000))).toMatchObject({ is: 'unknown' });
      await own.poll(fake.connections).toBe(0);
    } finally {
      await fake.close();
    }
  });

  it('in a file that cannot be read are a mistake of the configuration', async ({ expect: own }) => {
    const log = kafkaLog('main', { brokers: ['127.0.0.1:1'], tls: { ca: '/nowhere/ca.pem' } });
    own(await log.ranges('events', call(1_000))).toMatchObject({
      is: 'unknown',
      because: { code: 'ConfigInvalid', where: '/nowhere/ca.pem' },
    });
  });
});

it('does not turn in circles while it waits', async () => {
  const fake = await start();
  const timers = vi.spyOn(globalThis, 'setTimeout');
  try {
    fake.onRequest(instead('ListOffsets', 'silence'));
    await kafkaLog('main', { brokers: [fake.address] }).ranges('events', call(600));
    expect(timers.mock.calls.length).toBeLessThan(30);
  } finally {
    timers.mockRestore();
    await fake.close();
  }
});

describe('a call that is given up', () => {
  it('ends with the reason of its signal, at once, and closes its connections', async () => {
    const fake = await start();
    try {
      fake.onRequest(instead('ListOffsets', 'silence'));
      const controller = new AbortController();
      const reason = new Error('the worker shuts down');
      const log = kafkaLog('main', { brokers: [fake.address] });
      const reading = log.ranges('events', { signal: controller.signal });
      await expect.poll(() => fake.seen.includes('ListOffsets')).toBe(true);
      controller.abort(reason);
      await expect(reading).rejects.toBe(reason);
      await expect.poll(fake.connections).toBe(0);
    } finally {
      await fake.close();
    }
  });

  it('throws the reason of its signal when it would have committed', async () => {
    const fake = await start();
    try {
      fake.onRequest(instead('OffsetCommit', 'silence'));
      const controller = new AbortController();
      const reason = new Error('the worker shuts down');
      const log = kafkaLog('main', { brokers: [fake.address] });
      const committing = log.commitGroup('counts', [{ topic: 'events', partition: 0, offset: 7n }], {
        signal: controller.signal,
      });
      await expect.poll(() => fake.seen.includes('OffsetCommit')).toBe(true);
      controller.abort(reason);
      await expect(committing).rejects.toBe(reason);
    } finally {
      await fake.close();
    }
  });

  it('never starts when its signal was aborted before', async () => {
    const fake = await start();
    try {
      const reason = new Error('too late');
      const log = kafkaLog('main', { brokers: [fake.address] });
      await expect(log.ranges('events', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(fake.seen).toEqual([]);
    } finally {
      await fake.close();
    }
  });
});

it('leaves no socket, timer or listener after 500 faulty calls', async () => {
  const fake = await start();
  try {
    const faults: readonly (readonly [KafkaApi, KafkaInstead])[] = [
      ['ApiVersions', 'silence'],
      ['ApiVersions', 'cut'],
      ['Metadata', 'silence'],
      ['Metadata', { raw: html }],
      ['Metadata', 'half'],
      ['ListOffsets', 'silence'],
      ['ListOffsets', 'drip'],
      ['ListOffsets', { raw: size(-5) }],
      ['OffsetCommit', 'lost'],
      ['OffsetFetch', 'cut'],
    ];
    let index = 0;
    fake.onRequest(({ api }) => {
      const [at, fault] = faults[index % faults.length] ?? ['Metadata', 'cut'];
      return api === at ? fault : undefined;
    });
    const log = kafkaLog('main', { brokers: [fake.address] });
    await expectNothingLeft(async (signal) => {
      for (; index < 500; index++) {
        const [api] = faults[index % faults.length] ?? ['Metadata'];
        const bounded = { signal, deadline: 25 };
        const faulty = api.startsWith('Offset')
          ? await log.commitGroup('counts', [{ topic: 'events', partition: 0, offset: 7n }], bounded).then(
              () => false,
              (error: unknown) => error instanceof HoldfastError,
            )
          : (await log.ranges('events', bounded)).is === 'unknown';
        if (!faulty) throw new Error(`call ${index} (${api}): expected a failure`);
      }
      fake.forget();
    });
  } finally {
    await fake.close();
  }
});
