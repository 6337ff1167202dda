import { connect } from 'node:net';
import { join } from 'node:path';
import { kafkaProperties, log4j2 } from './conf/kafka.js';
import { classPath, java, jvmFlags, serverEnv } from './java.js';
import type { Server } from './server.js';
import { saveTemplate, useTemplate } from './template.js';
import type { Workshop } from './workshop.js';

export interface KafkaSystem {
  readonly server: Server;
  /** `host:port` */
  readonly broker: string;
  /** Makes the log directory when there is none. */
  prepare(): Promise<void>;
}

const CLUSTER_ID = '4L6g3nShT-eMCtK--X86sw';

/** A Metadata request (version 1, no topics): how many brokers the broker knows. It counts itself when it serves. */
function countBrokers(port: number): Promise<number> {
  const request = Buffer.alloc(4 + 8 + 2 + 4);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(3, 4); // Metadata
  request.writeInt16BE(1, 6); // version
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2000 }, () => socket.write(request));
    let answer = Buffer.alloc(0);
    socket.on('data', (data) => {
      answer = Buffer.concat([answer, data]);
      if (answer.length < 12) return;
      resolve(answer.readInt32BE(8));
      socket.destroy();
    });
    socket.on('timeout', () => socket.destroy(new Error('no answer in 2 s')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the broker closed the connection')));
  });
}

export async function planKafka(workshop: Workshop): Promise<KafkaSystem> {
  const ports = { client: await workshop.warden.port(), controller: await workshop.warden.port() };
  const data = join(workshop.data, 'kafka');
  const properties = await workshop.conf('kafka', 'server.properties', kafkaProperties(ports, data));
  const log = await workshop.conf('kafka', 'log4j2.xml', log4j2(workshop.log('kafka')));
  const quiet = await workshop.conf('kafka', 'format.xml', log4j2(workshop.log('kafka-format')));
  const jvm = (config: string, heap: string): string[] => [
    ...jvmFlags,
    heap,
    `-Dlog4j2.configurationFile=file:${config}`,
    `-Dkafka.logs.dir=${workshop.logs}`,
    '-cp',
    classPath('kafka'),
  ];
  const server = workshop.server({
    name: 'kafka',
    command: java,
    args: () => [...jvm(log, '-Xmx256m'), 'kafka.Kafka', properties],
    env: serverEnv(),
    log: workshop.log('kafka'),
    ready: async () => (await countBrokers(ports.client)) > 0,
  });
  return {
    server,
    broker: `127.0.0.1:${ports.client}`,
    async prepare() {
      const template = { name: 'kafka', system: 'kafka', folders: { kafka: data } } as const;
      if (await useTemplate(template)) return;
      const { code, output } = await workshop.run({
        name: 'kafka-format',
        command: java,
        args: [
          ...jvm(quiet, '-Xmx64m'),
          'kafka.tools.StorageTool',
          'format',
          '-t',
          CLUSTER_ID,
          '-c',
          properties,
        ],
        env: serverEnv(),
      });
      if (code !== 0) throw new Error(`kafka.tools.StorageTool format failed:\n${output}`);
      await saveTemplate(template);
    },
  };
}
