[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
function All($class, $fields) {
  try { Get-CimInstance -ClassName $class -ErrorAction Stop | Select-Object $fields }
  catch { @{ failed = $_.Exception.Message } }
}
function Key($path, $fields) { Get-ItemProperty $path -ErrorAction SilentlyContinue | Select-Object $fields }
[ordered]@{
  directx = Key 'HKLM:\SOFTWARE\Microsoft\DirectX\{*' ('VendorId', 'DeviceId', 'SubSysId', 'Revision', 'AdapterLuid', 'DedicatedVideoMemory', 'SharedSystemMemory')
  usage = All 'Win32_PerfFormattedData_GPUPerformanceCounters_GPUAdapterMemory' ('Name', 'DedicatedUsage', 'SharedUsage')
} | ConvertTo-Json -Depth 4 -Compress
