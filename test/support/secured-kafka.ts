import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaProperties, log4j2 } from '../../stack/conf/kafka.js';
import { classPath, java, jvmFlags, serverEnv } from '../../stack/java.js';
import { openWarden } from '../../stack/warden.js';
import { openWorkshop, type Workshop } from '../../stack/workshop.js';
import { kafkaHands } from './kafka-hands.js';

/** A real broker with TLS, SASL and access rules. `holdfast` may do everything, `guest` nothing. */
export interface SecuredKafka {
  /** `host:port` without TLS and credentials, for the tests' own hands. */
  readonly internal: string;
  readonly ssl: string;
  readonly saslSsl: string;
  readonly saslPlaintext: string;
  /** PEM file of the certificate that signed the broker's. */
  readonly ca: string;
  /** PEM file of a certificate that signed nothing here. */
  readonly otherCa: string;
  stop(): Promise<void>;
}

export const PASSWORDS = { holdfast: 'geheim', guest: 'gast' } as const;

const STORE_PASSWORD = 'storepass';
const users = Object.entries(PASSWORDS);

async function mustRun(
  workshop: Workshop,
  name: string,
  command: string,
  args: readonly string[],
): Promise<void> {
  const { code, output } = await workshop.run({ name, command, args, env: serverEnv() });
  if (code !== 0) throw new Error(`${name} failed:\n${output}`);
}

/** A key store with a self-signed certificate for 127.0.0.1, and the certificate as PEM. */
async function certificate(
  workshop: Workshop,
  name: string,
): Promise<{ readonly store: string; readonly pem: string }> {
  const store = join(workshop.data, `${name}.p12`);
  const pem = join(workshop.data, `${name}.pem`);
  const keytool = java.replace(/java$/, 'keytool');
  const common = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD, '-alias', name];
  await mustRun(workshop, `${name}-genkey`, keytool, [
    '-genkeypair',
    ...common,
    ...['-keyalg', 'RSA', '-keysize', '2048', '-validity', '2', '-dname', `CN=${name}`],
    ...['-ext', 'SAN=ip:127.0.0.1', '-ext', 'BC=ca:true'],
  ]);
  await mustRun(workshop, `${name}-export`, keytool, ['-exportcert', ...common, '-rfc', '-file', pem]);
  return { store, pem };
}

export async function startSecuredKafka(): Promise<SecuredKafka> {
  const warden = await openWarden('kafka-secured');
  try {
    const workshop = await openWorkshop(warden);
    const [client, controller, ssl, saslSsl, saslPlaintext] = [
      await warden.port(),
      await warden.port(),
      await warden.port(),
      await warden.port(),
      await warden.port(),
    ];
    const data = join(workshop.data, 'kafka');
    await mkdir(data);
    const [own, other] = await Promise.all([certificate(workshop, 'broker'), certificate(workshop, 'other')]);
    const advertised =
      `PLAINTEXT://127.0.0.1:${client},SSL://127.0.0.1:${ssl},` +
      `SASL_SSL://127.0.0.1:${saslSsl},SASL_PLAINTEXT://127.0.0.1:${saslPlaintext}`;
    const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required ${users
      .map(([name, password]) => `user_${name}="${password}"`)
      .join(' ')};`;
    const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
    const jaas = ['sasl_ssl', 'sasl_plaintext'].flatMap((listener) => [
      `listener.name.${listener}.plain.sasl.jaas.config=${plain}`,
      `listener.name.${listener}.scram-sha-256.sasl.jaas.config=${scram}`,
      `listener.name.${listener}.scram-sha-512.sasl.jaas.config=${scram}`,
    ]);
    // Of a key that is there twice the last one counts.
    const properties = join(workshop.data, 'server.properties');
    await writeFile(
      properties,
      [
        kafkaProperties({ client, controller }, data),
        `listeners=${advertised},CONTROLLER://127.0.0.1:${controller}`,
        `advertised.listeners=${advertised}`,
        'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
        'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        ...jaas,
        'ssl.keystore.type=PKCS12',
        `ssl.keystore.location=${own.store}`,
        `ssl.keystore.password=${STORE_PASSWORD}`,
        `ssl.key.password=${STORE_PASSWORD}`,
        'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users=User:ANONYMOUS;User:holdfast',
        '',
      ].join('\n'),
    );
    const log = await workshop.conf('kafka', 'log4j2.xml', log4j2(workshop.log('kafka')));
    const jvm = (heap: string) => [
      ...jvmFlags,
      heap,
      `-Dlog4j2.configurationFile=file:${log}`,
      `-Dkafka.logs.dir=${workshop.logs}`,
      '-cp',
      classPath('kafka'),
    ];
    await mustRun(workshop, 'kafka-format', java, [
      ...jvm('-Xmx64m'),
      ...['kafka.tools.StorageTool', 'format', '-t', '4L6g3nShT-eMCtK--X86sw', '-c', properties],
      ...users.flatMap(([name, password]) =>
        ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
          '--add-scram',
          `${mechanism}=[name=${name},password=${password}]`,
        ]),
      ),
    ]);
    const internal = `127.0.0.1:${client}`;
    const server = workshop.server({
      name: 'kafka',
      command: java,
      args: () => [...jvm('-Xmx256m'), 'kafka.Kafka', properties],
      env: serverEnv(),
      log: workshop.log('kafka'),
      ready: async () => {
        const hands = await kafkaHands(internal);
        try {
          return (await hands.admin.describeCluster()).brokers.length > 0;
        } finally {
          await hands.close();
        }
      },
    });
    await server.start();
    return {
      internal,
      ssl: `127.0.0.1:${ssl}`,
      saslSsl: `127.0.0.1:${saslSsl}`,
      saslPlaintext: `127.0.0.1:${saslPlaintext}`,
      ca: own.pem,
      otherCa: other.pem,
      stop: () => warden.close(),
    };
  } catch (error) {
    await warden.close();
    throw error;
  }
}
