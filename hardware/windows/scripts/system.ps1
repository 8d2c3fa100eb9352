[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($class, $fields) {
  try { Get-CimInstance -ClassName $class -Property $fields -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
function Key($path, $fields) { Get-ItemProperty $path -ErrorAction SilentlyContinue | Select-Object $fields }
[ordered]@{
  computer = All 'Win32_ComputerSystem' 'Manufacturer', 'Model', 'SystemFamily', 'PCSystemType'
  board = All 'Win32_BaseBoard' 'Manufacturer', 'Product'
  enclosure = All 'Win32_SystemEnclosure' 'ChassisTypes'
  os = All 'Win32_OperatingSystem' 'Caption', 'Version', 'TotalVisibleMemorySize', 'FreePhysicalMemory'
  processors = All 'Win32_Processor' 'Name', 'Manufacturer', 'Architecture', 'NumberOfCores', 'NumberOfLogicalProcessors'
  pagefiles = All 'Win32_PageFileUsage' 'Name', 'AllocatedBaseSize', 'CurrentUsage'
  release = Key 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' 'UBR'
  control = Key 'HKLM:\SYSTEM\CurrentControlSet\Control' 'ContainerType'
  registers = Key 'HKLM:\HARDWARE\DESCRIPTION\System\CentralProcessor\*' 'CP 4000', 'CP 4020', 'CP 4021', 'CP 4030', 'CP 4031'
} | ConvertTo-Json -Depth 4 -Compress
