// What Metal says of each GPU, as one line of JSON. It asks for all devices and not for the default one, which would wake
// the discrete GPU of a MacBook Pro with two.
ObjC.import('Metal');
if (typeof $.MTLCopyAllDevices !== 'function') ObjC.bindFunction('MTLCopyAllDevices', ['id', []]);
const devices = $.MTLCopyAllDevices();
const told = [];
for (let i = 0; i < Number(devices.count); i++) {
  const device = devices.objectAtIndex(i);
  let family = null;
  // MTLGPUFamilyApple1 is 1001.
  for (let n = 1; n < 30; n++) if (device.supportsFamily(1000 + n)) family = n;
  told.push({
    name: ObjC.unwrap(device.name),
    unified: Boolean(device.hasUnifiedMemory),
    working_set: Number(device.recommendedMaxWorkingSetSize),
    apple_family: family,
  });
}
JSON.stringify(told);
