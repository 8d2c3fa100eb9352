[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($query, $fields) {
  try { Get-CimInstance @query -Property $fields -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
function With($device, $id) {
  $enum = Get-ItemProperty -LiteralPath ('HKLM:\SYSTEM\CurrentControlSet\Enum\' + $id) -ErrorAction SilentlyContinue
  $class = $null
  if ($enum.Driver) { $class = Get-ItemProperty -LiteralPath ('HKLM:\SYSTEM\CurrentControlSet\Control\Class\' + $enum.Driver) -ErrorAction SilentlyContinue }
  [ordered]@{
    Name = $device.Name; PNPDeviceID = $id; ConfigManagerErrorCode = $device.ConfigManagerErrorCode
    Service = $enum.Service; LocationInformation = $enum.LocationInformation
    DriverVersion = $class.DriverVersion; MemorySize = $class.'HardwareInformation.qwMemorySize'
  }
}
function Devices($rows) { foreach ($row in $rows) { if ($row.failed) { $row } else { With $row $row.PNPDeviceID } } }
$fields = 'Name', 'PNPDeviceID', 'ConfigManagerErrorCode'
[ordered]@{
  adapters = Devices (All @{ ClassName = 'Win32_VideoController' } $fields)
  npus = Devices (All @{ ClassName = 'Win32_PnPEntity'; Filter = 'PNPClass=''ComputeAccelerator''' } $fields)
} | ConvertTo-Json -Depth 4 -Compress
