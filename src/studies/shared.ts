import { type Device, openDevice } from '../gpu/device.js';
import { DeviceLostError } from '../gpu/errors.js';

/** The process's one device, opened when a run first needs it, with what the runs on it share. */
export class DeviceHolder {
  device: Device | null = null;
  private readonly resources = new Map<string, Promise<{ dispose(): void }>>();

  constructor(private readonly open: () => Promise<Device> = openDevice) {}

  async get(): Promise<Device> {
    this.device ??= await this.open();
    return this.device;
  }

  /** What `make` makes on this device, the first time; it lives as long as the device. */
  shared<T extends { dispose(): void }>(key: string, make: () => Promise<T>): Promise<T> {
    const there = this.resources.get(key);
    if (there) return there as Promise<T>;
    const made = make();
    this.resources.set(key, made);
    made.catch(() => this.resources.delete(key));
    return made;
  }

  get isLost(): boolean {
    try {
      if (this.device && !this.device.isClosed) this.device.assertOpen('study');
      return false;
    } catch (error) {
      return error instanceof DeviceLostError;
    }
  }

  /** Gives back the resources, then the device. The next `get` opens another one. */
  async close(): Promise<void> {
    for (const made of this.resources.values()) {
      const resource = await made.catch(() => null);
      resource?.dispose();
    }
    this.resources.clear();
    const device = this.device;
    this.device = null;
    await device?.close();
  }
}
