// What this build can read and write. CMake defines both; a file compiled by hand gets everything.
#pragma once

#ifndef AFNET_WITH_FFMPEG
#define AFNET_WITH_FFMPEG 1 // video files and streams, through FFmpeg
#endif

#ifndef AFNET_WITH_IMAGES
#define AFNET_WITH_IMAGES 1 // JPEG and PNG, through libjpeg-turbo and libpng
#endif
