[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($class, $fields, $namespace) {
  if (-not $namespace) { $namespace = 'root/cimv2' }
  try { Get-CimInstance -Namespace $namespace -ClassName $class -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
function Key($path, $fields) { Get-ItemProperty $path -ErrorAction SilentlyContinue | Select-Object $fields }
[ordered]@{
  batteries = All 'Win32_Battery' ('DeviceID', 'BatteryStatus', 'EstimatedChargeRemaining')
  supply = All 'BatteryStatus' ('PowerOnline') 'root/wmi'
  full = All 'BatteryFullChargedCapacity' ('FullChargedCapacity') 'root/wmi'
  design = All 'BatteryStaticData' ('DesignedCapacity') 'root/wmi'
  cycles = All 'BatteryCycleCount' ('CycleCount') 'root/wmi'
  schemes = Key 'HKLM:\SYSTEM\CurrentControlSet\Control\Power\User\PowerSchemes' ('ActiveOverlayAcPowerScheme', 'ActiveOverlayDcPowerScheme')
  zones = All 'Win32_PerfFormattedData_Counters_ThermalZoneInformation' ('Name', 'Temperature', 'HighPrecisionTemperature', 'PercentPassiveLimit')
  trips = All 'MSAcpi_ThermalZoneTemperature' ('InstanceName', 'PassiveTripPoint', 'CriticalTripPoint') 'root/wmi'
} | ConvertTo-Json -Depth 4 -Compress
