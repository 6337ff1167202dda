import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaLog } from '../../adapters/kafka.js';
import type { Call } from '../../adapters/ports.js';
import type { KafkaConfig } from '../../config/config.js';
import { HoldfastError } from '../../domain/failure.js';
import { secret } from '../../domain/secret.js';
import { until } from '../../stack/wait.js';
import { type KafkaHands, kafkaHands } from '../support/kafka-hands.js';
import { PASSWORDS, type SecuredKafka, startSecuredKafka } from '../support/secured-kafka.js';

let kafka: SecuredKafka;
let hands: KafkaHands;

beforeAll(async () => {
  kafka = await startSecuredKafka();
  hands = await kafkaHands(kafka.internal);
  await hands.create('events', 2);
  await hands.produce('events', 0, [{ value: 'one', time: 1_700_000_000_000 }]);
  // Kafka makes the topic of its groups when the first one is asked for.
  await until('groups are served', async () => {
    const offsets = await hands.admin.fetchOffsets({ groupId: 'first', topics: ['events'] });
    return offsets.length > 0;
  });
});
afterAll(async () => {
  await hands?.close();
  await kafka?.stop();
});

const call = (deadline = 6_000): Call => ({ signal: new AbortController().signal, deadline });
type Mechanism = NonNullable<KafkaConfig['sasl']>['mechanism'];
const as = (username: string, password: string, mechanism: Mechanism): Pick<KafkaConfig, 'sasl'> => ({
  sasl: { mechanism, username, password: secret(password) },
});
const RANGES = {
  is: 'present',
  value: [
    { topic: 'events', partition: 0, start: 0n, end: 1n },
    { topic: 'events', partition: 1, start: 0n, end: 0n },
  ],
};

describe.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('%s', (mechanism) => {
  it.each([true, false])('lets in who has the password (TLS: %s)', async (tls) => {
    const log = kafkaLog('main', {
      brokers: [tls ? kafka.saslSsl : kafka.saslPlaintext],
      ...(tls ? { tls: { ca: kafka.ca } } : {}),
      ...as('holdfast', PASSWORDS.holdfast, mechanism),
    });
    expect(await log.ranges('events', call())).toEqual(RANGES);
    expect(await log.timestamps([{ topic: 'events', partition: 0, offset: 0n }], call())).toMatchObject({
      value: [{ time: 1_700_000_000_000 }],
    });
    await log.commitGroup(
      `group-${mechanism}-${tls}`,
      [{ topic: 'events', partition: 0, offset: 1n }],
      call(),
    );
  });

  it('refuses a wrong password as that, and keeps it to itself', async () => {
    const log = kafkaLog('main', {
      brokers: [kafka.saslPlaintext],
      ...as('holdfast', 'wrong-password', mechanism),
    });
    const reading = await log.ranges('events', call());
    expect(reading).toMatchObject({ is: 'unknown', because: { code: 'AuthFailed' } });
    expect(JSON.stringify(reading)).not.toContain('wrong-password');
  });
});

describe('TLS', () => {
  it('accepts a broker whose certificate is known', async () => {
    const log = kafkaLog('main', { brokers: [kafka.ssl], tls: { ca: kafka.ca } });
    // Without credentials the connection is anonymous, and that is allowed here.
    expect(await log.ranges('events', call())).toEqual(RANGES);
  });

  it('refuses a broker whose certificate is not known', async () => {
    for (const tls of [true, { ca: kafka.otherCa }] as const)
      expect(await kafkaLog('main', { brokers: [kafka.ssl], tls }).ranges('events', call())).toMatchObject({
        is: 'unknown',
        because: { code: 'AuthFailed', message: expect.stringContaining('certificate') as string },
      });
  });

  it('refuses a broker with another name', async () => {
    const log = kafkaLog('main', {
      brokers: [kafka.ssl],
      tls: { ca: kafka.ca, serverName: 'somebody.else' },
    });
    expect(await log.ranges('events', call())).toMatchObject({
      is: 'unknown',
      because: { code: 'AuthFailed' },
    });
  });

  it('spoken to a listener without it, or not spoken to one with it, is unknown', async () => {
    for (const config of [
      { brokers: [kafka.internal], tls: { ca: kafka.ca } },
      { brokers: [kafka.ssl] },
      { brokers: [kafka.saslPlaintext] },
    ])
      expect(await kafkaLog('main', config).ranges('events', call(1_500))).toMatchObject({
        is: 'unknown',
      });
  });
});

describe('a user without rights', () => {
  const guest = () =>
    kafkaLog('main', { brokers: [kafka.saslPlaintext], ...as('guest', PASSWORDS.guest, 'scram-sha-512') });

  it('is denied, and never told that a topic is absent', async () => {
    const denied = { is: 'unknown', because: { code: 'AccessDenied' } };
    expect(await guest().ranges('events', call())).toMatchObject(denied);
    expect(await guest().ranges('never', call())).toMatchObject(denied);
    expect(await guest().settings('events', call())).toMatchObject(denied);
    expect(await guest().offsetsAt('events', 0, call())).toMatchObject(denied);
    expect(await guest().group('group', ['events'], call())).toMatchObject(denied);
  });

  it('cannot commit', async () => {
    const commit = guest().commitGroup('group', [{ topic: 'events', partition: 0, offset: 1n }], call());
    await expect(commit).rejects.toBeInstanceOf(HoldfastError);
    await expect(commit).rejects.toMatchObject({ fault: { code: 'AccessDenied' } });
  });
});
