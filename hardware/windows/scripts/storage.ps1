[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($class, $fields, $namespace) {
  if (-not $namespace) { $namespace = 'root/cimv2' }
  try { Get-CimInstance -Namespace $namespace -ClassName $class -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
[ordered]@{
  volumes = All 'Win32_LogicalDisk' ('DeviceID', 'DriveType', 'FileSystem', 'Size', 'FreeSpace')
  partitions = All 'Win32_LogicalDiskToPartition' (@{ n = 'Partition'; e = { $_.Antecedent.DeviceID } }, @{ n = 'Volume'; e = { $_.Dependent.DeviceID } })
  disks = All 'MSFT_Disk' ('Number', 'FriendlyName', 'BusType', 'IsReadOnly') 'root/Microsoft/Windows/Storage'
  physical = All 'MSFT_PhysicalDisk' ('DeviceId', 'FriendlyName', 'BusType', 'MediaType') 'root/Microsoft/Windows/Storage'
} | ConvertTo-Json -Depth 4 -Compress
