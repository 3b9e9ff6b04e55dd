#include "config.h"

#include "memory.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

static bool copy(const char **text) {
    if (*text == NULL)
        return true;
    *text = of_copy(*text, strlen(*text));
    return *text != NULL;
}

bool of_config_init(of_config *config, const char *base_url, size_t base_url_length,
                    const of_options *options, const char **option, const char **why) {
    *config = (of_config){.options = *options};
    bool copied = copy(&config->options.user_agent);
    copied = copy(&config->options.ca_file) && copied;
    copied = copy(&config->options.proxy) && copied;
    *option = NULL;
    *why = of_no_memory;
    if (!copied)
        return false;
    *option = "base_url";
    *why = of_url_parse(&config->url, base_url, base_url_length);
    if (*why != NULL)
        return false;
    if (config->options.ca_file != NULL && access(config->options.ca_file, R_OK) != 0) {
        *option = "ca_file";
        *why = "cannot be read";
        return false;
    }
    return true;
}

void of_config_free(of_config *config) {
    of_url_free(&config->url);
    of_free_copy((char *)config->options.user_agent);
    of_free_copy((char *)config->options.ca_file);
    of_free_copy((char *)config->options.proxy);
}

const char *of_config_ca(const of_config *config) {
    if (config->options.ca_file != NULL)
        return config->options.ca_file;
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if (info->cainfo != NULL)
        return info->cainfo;
    return info->capath != NULL ? info->capath : "the system's";
}
