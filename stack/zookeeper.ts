import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { zooCfg, zooKeeperLogback, type ZooKeeperMember } from './conf/zookeeper.js';
import { classPath, java, jvmFlags, serverEnv } from './java.js';
import type { Server } from './server.js';
import type { Workshop } from './workshop.js';

export interface ZooKeeperSystem {
  readonly servers: readonly Server[];
  /** `host:port,host:port` */
  readonly connect: string;
}

/** One of ZooKeeper's four-letter words; the empty text when nothing answers. */
export function fourLetters(word: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 2000 }, () => socket.write(word));
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

/** @param count 1: standalone; 3: an ensemble, of which any two are enough */
export async function planZooKeeper(workshop: Workshop, count: number): Promise<ZooKeeperSystem> {
  const members: ZooKeeperMember[] = [];
  for (let id = 1; id <= count; id++) {
    const clientPort = await workshop.warden.port();
    if (count === 1) members.push({ id, clientPort, peerPort: 0, electionPort: 0 });
    else
      members.push({
        id,
        clientPort,
        peerPort: await workshop.warden.port(),
        electionPort: await workshop.warden.port(),
      });
  }
  const servers = await Promise.all(
    members.map(async (member) => {
      const name = count === 1 ? 'zookeeper' : `zookeeper-${member.id}`;
      const data = join(workshop.data, name);
      await mkdir(data);
      await writeFile(join(data, 'myid'), String(member.id));
      const cfg = await workshop.conf(name, 'zoo.cfg', zooCfg(member, members, data));
      await workshop.conf(name, 'logback.xml', zooKeeperLogback(workshop.log(name)));
      const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
      return workshop.server({
        name,
        command: java,
        args: () => [
          ...jvmFlags,
          '-Xms32m',
          '-Xmx64m',
          '-cp',
          classPath('zookeeper', dirname(cfg)),
          main,
          cfg,
        ],
        env: serverEnv(),
        log: workshop.log(name),
        // A member without quorum answers, but names no mode.
        ready: async () => (await fourLetters('srvr', member.clientPort)).includes('Mode:'),
      });
    }),
  );
  return { servers, connect: members.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',') };
}
