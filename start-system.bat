@echo off
rem Starts the whole fleet in containers, and says where it is. Further words go to "docker compose up", as in
rem "start-system.bat --scale worker=8". It ends with "docker compose down" ("-v" forgets its data, too).
setlocal
cd /d "%~dp0"

docker version >nul || (
    echo start-system.bat: the container engine does not answer; is Docker Desktop running? 1>&2
    exit /b 69
)
docker compose version >nul 2>&1 || (
    echo start-system.bat: docker compose is not installed; see https://docs.docker.com/compose/install 1>&2
    exit /b 69
)
set image=%MUSTER_IMAGE%
if "%image%"=="" set image=muster:latest
docker image inspect %image% >nul 2>&1
if errorlevel 1 (
    docker compose build token
    if errorlevel 1 exit /b 69
)
if "%MUSTER_PICTURES%"=="" if not exist pictures mkdir pictures
docker compose up -d %*
if errorlevel 1 exit /b 69

set host=%MUSTER_PUBLISH%
if "%host%"=="" set host=127.0.0.1
if "%host%"=="0.0.0.0" set host=%COMPUTERNAME%
set waited=0
:wait
docker compose exec -T -u 10001 coordinator muster health --ready --quiet http://127.0.0.1:8080 >nul 2>&1 && goto up
set /a waited+=1
if %waited% geq 60 (
    docker compose ps
    echo start-system.bat: the coordinator is not well; "docker compose logs" says why 1>&2
    exit /b 69
)
timeout /t 2 /nobreak >nul
goto wait

:up
echo The fleet is up:
echo   coordinator   http://%host%:8080    a picture: http://%host%:8080/mandelbrot.png
echo   origin        http://%host%:9000    an image:  http://%host%:9000/images/1
echo   edges         http://%host%:8001    http://%host%:8002    http://%host%:8003
echo.
echo   a child:      curl -X POST http://%host%:8080/create-child
echo   its numbers:  curl http://%host%:8080/progress
echo   as admin:     docker compose exec -u 10001 coordinator muster jobs
echo   more workers: docker compose up -d --scale worker=8
echo   images:       docker compose run --rm client
echo   what happens: docker compose logs -f
echo   the end:      docker compose down
