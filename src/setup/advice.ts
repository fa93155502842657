const LINUX = `install a Vulkan driver with the system's package manager, then run setup again:
  Debian 13, Ubuntu 24.04 or later   sudo apt-get update && sudo apt-get install libvulkan1 mesa-vulkan-drivers
  Debian 12                          the same with -t bookworm-backports (Mesa 22.3 of Debian 12 itself is too old)
  Ubuntu 22.04                       the same; if Dawn refuses its Mesa, upgrade to 24.04
  Fedora                             sudo dnf install vulkan-loader mesa-vulkan-drivers
  NVIDIA cards                       also the vendor's driver (Debian nvidia-driver, Ubuntu nvidia-driver-550 or later)
Setup itself can unpack a software driver without root where apt or npm reaches its servers (a proxy set up for them is
used). On a machine without network, run setup on a like machine that has one and copy its driver folder, or name a
folder with the environment variable SECATEUR_VULKAN.`;

const MACOS = `macOS: Dawn uses Metal, which every Mac with macOS 12 or later has; nothing needs to be installed. Update the
system, and run outside of virtual machines that have no graphics device.`;

const WINDOWS = `Windows: Dawn uses Direct3D 12, which Windows 10 and 11 have; install the graphics vendor's current driver.
Without a GPU, Windows' own software adapter (WARP) serves: it needs Windows 10 version 1809 or later.`;

/** What to install so that this package finds an adapter, for the given platform and, when it is another, for all. */
export function installAdvice(platform: NodeJS.Platform = process.platform): string {
  if (platform === 'linux') return LINUX;
  if (platform === 'darwin') return MACOS;
  if (platform === 'win32') return WINDOWS;
  return [LINUX, MACOS, WINDOWS].join('\n');
}
