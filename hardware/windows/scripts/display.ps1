[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($class, $fields, $filter) {
  try { Get-CimInstance -ClassName $class -Property $fields -Filter $filter -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
function With($device, $id) {
  $enum = Get-ItemProperty ('HKLM:\SYSTEM\CurrentControlSet\Enum\' + $id) -ErrorAction SilentlyContinue
  $class = $null
  if ($enum.Driver) { $class = Get-ItemProperty ('HKLM:\SYSTEM\CurrentControlSet\Control\Class\' + $enum.Driver) -ErrorAction SilentlyContinue }
  [ordered]@{
    Name = $device.Name; PNPDeviceID = $id; ConfigManagerErrorCode = $device.ConfigManagerErrorCode
    Service = $enum.Service; LocationInformation = $enum.LocationInformation
    DriverVersion = $class.DriverVersion; MemorySize = $class.'HardwareInformation.qwMemorySize'
  }
}
function Devices($rows) { foreach ($row in $rows) { if ($row.failed) { $row } else { With $row $row.PNPDeviceID } } }
[ordered]@{
  adapters = Devices (All 'Win32_VideoController' ('Name', 'PNPDeviceID', 'ConfigManagerErrorCode'))
  npus = Devices (All 'Win32_PnPEntity' ('Name', 'PNPDeviceID', 'ConfigManagerErrorCode') 'PNPClass=''ComputeAccelerator''')
} | ConvertTo-Json -Depth 4 -Compress
