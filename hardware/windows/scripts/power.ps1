[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($class, $fields, $namespace) {
  if (-not $namespace) { $namespace = 'root/cimv2' }
  try { Get-CimInstance -Namespace $namespace -ClassName $class -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
[ordered]@{
  batteries = All 'Win32_Battery' ('DeviceID', 'BatteryStatus', 'EstimatedChargeRemaining')
  supply = All 'BatteryStatus' ('PowerOnline') 'root/wmi'
  full = All 'BatteryFullChargedCapacity' ('FullChargedCapacity') 'root/wmi'
  design = All 'BatteryStaticData' ('DesignedCapacity') 'root/wmi'
  cycles = All 'BatteryCycleCount' ('CycleCount') 'root/wmi'
  schemes = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Power\User\PowerSchemes' -ErrorAction SilentlyContinue |
    Select-Object ActiveOverlayAcPowerScheme, ActiveOverlayDcPowerScheme
  zones = All 'Win32_PerfFormattedData_Counters_ThermalZoneInformation' ('Name', 'Temperature', 'HighPrecisionTemperature', 'PercentPassiveLimit')
  trips = All 'MSAcpi_ThermalZoneTemperature' ('InstanceName', 'PassiveTripPoint', 'CriticalTripPoint') 'root/wmi'
} | ConvertTo-Json -Depth 4 -Compress
