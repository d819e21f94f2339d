// A client made of the live555 library, which stands in for openRTSP in the tests where only the library can be had. It writes
// each frame of the first JPEG video to a file of its own in the working directory, named after the frame's time.
//
//     client [-V] [-m] [-b BYTES] [-B BYTES] [-t] URL
//
// -t asks for media over the connection. -b is the longest frame, -B the socket's buffer. -V and -m are what it does anyway.
//
// No step builds it. With the library's folders beside each other, built with OpenSSL (without it there is neither TLS nor SRTP):
//
//     c++ -std=c++20 -I{UsageEnvironment,BasicUsageEnvironment,groupsock,liveMedia}/include client.cpp
//         {liveMedia/liblive,groupsock/libgroupsock,BasicUsageEnvironment/libBasicUsage,UsageEnvironment/libUsage}*.a -lssl -lcrypto
#include <BasicUsageEnvironment.hh>
#include <GroupsockHelper.hh>
#include <liveMedia.hh>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Client {
    UsageEnvironment* environment = nullptr;
    RTSPClient* rtsp = nullptr;
    MediaSession* session = nullptr;
    MediaSubsession* video = nullptr;
    bool overTcp = false;
    unsigned frameSize = 2000000;
    unsigned socketBuffer = 2000000;
    int status = 1;
    char volatile done = 0;
};

Client client;

void leave(int status) {
    client.status = status;
    client.done = 1;
}

/// Whether the request was granted. Otherwise it is said, and this is the end.
bool isGranted(char const* request, int code, char* text) {
    if (code != 0) {
        fprintf(stderr, "%s failed: %d %s\n", request, code, text == nullptr ? "" : text);
        leave(1);
    }
    delete[] text;
    return code == 0;
}

void afterTeardown(RTSPClient*, int, char* text) {
    delete[] text;
    leave(0);
}

void atEnd(void*) {
    client.rtsp->sendTeardownCommand(*client.session, afterTeardown);
}

void afterPlay(RTSPClient*, int code, char* text) {
    isGranted("PLAY", code, text);
}

void afterSetup(RTSPClient* rtsp, int code, char* text) {
    if (!isGranted("SETUP", code, text)) return;
    MediaSubsession& video = *client.video;
    if (video.rtpSource() != nullptr && !client.overTcp) {
        increaseReceiveBufferTo(*client.environment, video.rtpSource()->RTPgs()->socketNum(), client.socketBuffer);
    }
    video.sink = FileSink::createNew(*client.environment, "frame", client.frameSize, True);
    video.sink->startPlaying(*video.readSource(), atEnd, nullptr);
    if (video.rtcpInstance() != nullptr) video.rtcpInstance()->setByeHandler(atEnd, nullptr);
    rtsp->sendPlayCommand(*client.session, afterPlay);
}

void afterDescribe(RTSPClient* rtsp, int code, char* text) {
    if (code != 0) {
        isGranted("DESCRIBE", code, text);
        return;
    }
    client.session = MediaSession::createNew(*client.environment, text);
    delete[] text;
    if (client.session != nullptr) {
        MediaSubsessionIterator all(*client.session);
        while ((client.video = all.next()) != nullptr && strcmp(client.video->codecName(), "JPEG") != 0) {}
    }
    if (client.video == nullptr || !client.video->initiate()) {
        fprintf(stderr, "failed: nothing that can be played is described: %s\n", client.environment->getResultMsg());
        leave(1);
        return;
    }
    rtsp->sendSetupCommand(*client.video, afterSetup, False, client.overTcp);
}

}  // namespace

int main(int count, char** arguments) {
    char const* url = nullptr;
    for (int at = 1; at < count; ++at) {
        char const* argument = arguments[at];
        if (strcmp(argument, "-t") == 0) {
            client.overTcp = true;
        } else if (strcmp(argument, "-b") == 0 && at + 1 < count) {
            client.frameSize = static_cast<unsigned>(atoi(arguments[++at]));
        } else if (strcmp(argument, "-B") == 0 && at + 1 < count) {
            client.socketBuffer = static_cast<unsigned>(atoi(arguments[++at]));
        } else if (argument[0] != '-') {
            url = argument;
        }
    }
    if (url == nullptr) {
        fprintf(stderr, "client [-t] [-b BYTES] [-B BYTES] URL\n");
        return 2;
    }
    TaskScheduler* scheduler = BasicTaskScheduler::createNew();
    client.environment = BasicUsageEnvironment::createNew(*scheduler);
    OutPacketBuffer::maxSize = client.frameSize;
    client.rtsp = RTSPClient::createNew(*client.environment, url, 0, "live555 client");
    client.rtsp->sendDescribeCommand(afterDescribe);
    scheduler->doEventLoop(&client.done);
    return client.status;
}
