"""A video recorder made of others' libraries: it finds a server by WS-Discovery (WSDiscovery), asks all that it has by ONVIF with a
WS-UsernameToken (onvif-zeep-async, the library of Home Assistant) and with Digest (zeep and requests), and gets a snapshot.

Prints a line for each thing that it learns. Arguments: host, port, user and password of an account for tokens, the same of one for
Digest alone, and the file for the snapshot; `search` behind these: look in the network, too.
"""

import asyncio
import sys

import requests
import zeep
from onvif import ONVIFCamera
from onvif.client import _WSDL_PATH as WSDL
from requests.auth import HTTPDigestAuth
from wsdiscovery import QName, Scope
from wsdiscovery.discovery import ThreadedWSDiscovery

NETWORK = "http://www.onvif.org/ver10/network/wsdl"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"


def say(*words):
    print(*words, sep="\t", flush=True)


def search(port):
    """Looks for cameras; says where there is one at that port."""
    finder = ThreadedWSDiscovery()
    finder.start()
    types, scopes = [QName(NETWORK, "NetworkVideoTransmitter")], [Scope("onvif://www.onvif.org/type/video_encoder")]
    for service in finder.searchServices(types=types, scopes=scopes, timeout=1):
        for address in service.getXAddrs():
            if f":{port}/" in address:
                say("found", address, service.getEPR(), *[scope.getValue() for scope in service.getScopes()])
    none = finder.searchServices(types=[QName(NETWORK, "NetworkVideoDisplay")], timeout=1)
    say("displays", sum(f":{port}/" in address for service in none for address in service.getXAddrs()))
    finder.stop()


def arguments(token, configuration):
    """All operations of both services, with their arguments."""
    setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    profile = {"ProfileToken": token}
    return {
        "device": {
            "GetSystemDateAndTime": {},
            "GetDeviceInformation": {},
            "GetCapabilities": {"Category": "All"},
            "GetServices": {"IncludeCapability": True},
            "GetServiceCapabilities": {},
            "GetScopes": {},
            "GetNetworkInterfaces": {},
        },
        "media": {
            "GetServiceCapabilities": {},
            "GetProfiles": {},
            "GetProfile": profile,
            "GetVideoSources": {},
            "GetVideoSourceConfigurations": {},
            "GetVideoSourceConfiguration": {"ConfigurationToken": configuration.replace("e-", "c-", 1)},
            "GetVideoEncoderConfigurations": {},
            "GetVideoEncoderConfiguration": {"ConfigurationToken": configuration},
            "GetStreamUri": {"StreamSetup": setup, **profile},
            "GetSnapshotUri": profile,
        },
    }


async def by_token(host, port, user, password):
    camera = ONVIFCamera(host, port, user, password, no_cache=True)
    await camera.update_xaddrs()
    services = {
        "device": await camera.create_devicemgmt_service(),
        "media": await camera.create_media_service(),
    }
    profiles = await services["media"].GetProfiles()
    for profile in profiles:
        encoder = profile.VideoEncoderConfiguration
        say("profile", profile.Name, profile.token, encoder.Encoding, encoder.Resolution.Width, encoder.Resolution.Height)
    token, configuration = profiles[0].token, profiles[0].VideoEncoderConfiguration.token
    answers = {}
    for service, operations in arguments(token, configuration).items():
        for operation, given in operations.items():
            answers[operation] = await getattr(services[service], operation)(given or None)
            say("token", operation)
    say("stream", answers["GetStreamUri"].Uri)
    say("snapshot", answers["GetSnapshotUri"].Uri)
    say("snapshot by the library", (await camera.get_snapshot_uri(token)))
    try:
        await services["device"].GetUsers()
        say("GetUsers", "answered")
    except Exception as error:
        say("GetUsers", str(error).replace("\n", " "))
    await camera.close()
    other = ONVIFCamera(host, port, user, "wrong", no_cache=True)
    try:
        await (await other.create_media_service()).GetProfiles()
        say("wrong password", "let in")
    except Exception as error:
        say("wrong password", type(error).__name__, str(error).replace("\n", " "))
    await other.close()
    return token, configuration, answers["GetSnapshotUri"].Uri


def by_digest(host, port, user, password, token, configuration):
    session = requests.Session()
    session.auth = HTTPDigestAuth(user, password)
    transport = zeep.Transport(session=session)
    bindings = {"device": ("devicemgmt.wsdl", DEVICE, "DeviceBinding"), "media": ("media.wsdl", MEDIA, "MediaBinding")}
    for service, operations in arguments(token, configuration).items():
        file, namespace, binding = bindings[service]
        client = zeep.Client(f"{WSDL}/{file}", transport=transport)
        proxy = client.create_service(f"{{{namespace}}}{binding}", f"http://{host}:{port}/onvif/{service}_service")
        for operation, given in operations.items():
            getattr(proxy, operation)(**given)
            say("digest", operation)
    return session


def main():
    host, port, user, password, other, other_password, file = sys.argv[1:8]
    if sys.argv[8:] == ["search"]:
        search(port)
    token, configuration, snapshot = asyncio.run(by_token(host, int(port), user, password))
    session = by_digest(host, port, other, other_password, token, configuration)
    answer = session.get(snapshot, timeout=10)
    answer.raise_for_status()
    with open(file, "wb") as out:
        out.write(answer.content)


main()
